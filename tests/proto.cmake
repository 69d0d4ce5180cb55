# Tests of proto.
