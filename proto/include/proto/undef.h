/* Forgets the macros that messages.def was read with. No include guard: read once per expansion. */
#undef GROUP
#undef MESSAGE
#undef INT
#undef REAL
#undef ID
#undef TEXT
#undef REALS
#undef NAMED
#undef NEST
#undef LIST
#undef END
