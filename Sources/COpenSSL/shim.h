#ifndef FLOODGATE_COPENSSL_H
#define FLOODGATE_COPENSSL_H

#include <openssl/sha.h>

// --- Certificates: what OpenSSL has as function-like macros or as sums of macros ---------------------------

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// How a name is written: RFC 2253, control characters and bytes above ASCII escaped.
static inline unsigned long floodgate_name_flags(void) { return XN_FLAG_RFC2253; }

static inline int floodgate_general_names_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

static inline const GENERAL_NAME *floodgate_general_names_at(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

static inline void floodgate_openssl_free(void *memory) { OPENSSL_free(memory); }

// --- end of Certificates -----------------------------------------------------------------------------------

#endif
