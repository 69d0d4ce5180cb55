/* Forgets the macros that serial.def was read with. No include guard: read once per expansion. */
#undef FRAME
#undef U8
#undef U16
#undef U32
#undef I16
#undef CHARS
#undef END
