#ifndef MAILTWIN_TESTS_FUZZ_H
#define MAILTWIN_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

/* LLVMFuzzerTestOneInput(data, size): one input, of any bytes; what must hold is FUZZ_HOLDS. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FUZZ_HOLDS(condition): end the program, which is how a target tells a finding. */
#define FUZZ_HOLDS(condition) ((condition) ? (void)0 : abort())

#endif
