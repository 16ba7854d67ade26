/* undef.h -- closes every include of pointwise.def */
#undef UNARY
#undef BINARY
#undef TERNARY
#undef TEST1
#undef TEST2
#undef INT1
#undef INT2
