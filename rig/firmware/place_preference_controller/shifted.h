// Switches and sensors through three 74HC165 in a row: load D2, clock D3, data D12.
#ifndef PLACE_PREFERENCE_SHIFTED_H
#define PLACE_PREFERENCE_SHIFTED_H

#include "controller.h"

void begin_shifted();
// All of them at one moment, as the pins say.
Inputs read_shifted();

#endif
