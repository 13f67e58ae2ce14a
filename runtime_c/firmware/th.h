/* th.h: hooks by the names of MLPerf Tiny. Each has a weak default in benchmark.c: a file of one's
 * own that defines it (`make firmware HOOKS=file.c`) replaces it.
 * SPDX-License-Identifier: MIT-0 */
#ifndef TH_H
#define TH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Turns the `bytes` that "db" loaded into `buffer` into the model's inputs, in place, once for
/// each load. The default takes them as they are. Returns false if their number is wrong.
bool th_load_tensor(uint8_t *buffer, size_t bytes);

/// Prints the line "m-results-[...]". The default prints all outputs as real numbers.
void th_results(void);

/// Prints "m-lap-us-N"; in energy mode pulls the pin low for some microseconds instead.
void th_timestamp(void);

/// Before and after a measured run. The defaults raise and lower the board's energy pin, except in
/// energy mode, where that pin tells the time.
void th_pre(void);
void th_post(void);

#endif /* TH_H */
