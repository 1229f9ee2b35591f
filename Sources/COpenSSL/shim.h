#ifndef FLOODGATE_COPENSSL_H
#define FLOODGATE_COPENSSL_H

#include <openssl/sha.h>

#endif
