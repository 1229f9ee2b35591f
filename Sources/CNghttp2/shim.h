#ifndef FLOODGATE_CNGHTTP2_H
#define FLOODGATE_CNGHTTP2_H

#include <nghttp2/nghttp2.h>

#endif
