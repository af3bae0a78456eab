/* Packed pixels: channel c is bit c % 32 of word c / 32, in one plane of words a bit. With 1 bit a
   set bit is -1 and a clear one +1; with 2 or 4 bits the planes are the digits of a code. */
static int32_t kgn_words(int32_t channels) { return (channels + 31) / 32; }
