#ifndef FLOODGATE_COPENSSL_H
#define FLOODGATE_COPENSSL_H

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// OpenSSL's function-like macros, which Swift does not import. No logic of our own.
static inline void floodgate_retry_read(BIO *bio) { BIO_clear_retry_flags(bio); BIO_set_retry_read(bio); }
static inline void floodgate_retry_write(BIO *bio) { BIO_clear_retry_flags(bio); BIO_set_retry_write(bio); }
static inline void floodgate_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static const uint64_t floodgate_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t floodgate_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t floodgate_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
// Escapes control characters and the bytes of all that is not ASCII, as UTF-8 has them (RFC 2253 §2.4): for texts that
// go into headers and logs.
static const unsigned long floodgate_subject_flags = XN_FLAG_RFC2253 | ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_UTF8_CONVERT;
static inline ASN1_INTEGER *floodgate_status_serial(const OCSP_CERTID *id) {
    ASN1_INTEGER *serial = NULL;
    OCSP_id_get0_info(NULL, NULL, NULL, &serial, (OCSP_CERTID *)id);
    return serial;
}
static inline long floodgate_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long floodgate_set_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int floodgate_set_minimum(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline int floodgate_set_maximum(SSL_CTX *context, int version) {
    return SSL_CTX_set_max_proto_version(context, version);
}
static inline int floodgate_set_groups(SSL_CTX *context, const char *list) {
    return SSL_CTX_set1_groups_list(context, list);
}
static inline void floodgate_set_read_ahead(SSL_CTX *context) { SSL_CTX_set_read_ahead(context, 1); }
static inline int floodgate_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline void floodgate_clear_chain(SSL_CTX *context) { SSL_CTX_clear_chain_certs(context); }
static inline void floodgate_on_server_name(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}
static inline void floodgate_on_status(SSL_CTX *context, int (*callback)(SSL *, void *), void *argument) {
    SSL_CTX_set_tlsext_status_cb(context, callback);
    SSL_CTX_set_tlsext_status_arg(context, argument);
}
static inline void floodgate_set_status(SSL *session, unsigned char *response, long length) {
    SSL_set_tlsext_status_ocsp_resp(session, response, length);
}
static inline long floodgate_set_server_name(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, name);
}
static inline const char *floodgate_server_name(const SSL *session) {
    return SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
}
static inline X509 *floodgate_peer_certificate(const SSL *session) { return SSL_get0_peer_certificate(session); }
static inline void *floodgate_allocate(size_t length) { return OPENSSL_malloc(length); }
static inline int floodgate_error_reason(unsigned long error) { return ERR_GET_REASON(error); }
// Parameters point to their names, which must outlive the call that reads them: literals of C do.
static inline int floodgate_set_hmac(EVP_MAC_CTX *context, const void *key, size_t length) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(context, parameters);
}
static inline void floodgate_set_context_data(SSL_CTX *context, void *data) { SSL_CTX_set_app_data(context, data); }
static inline void *floodgate_context_data(SSL_CTX *context) { return SSL_CTX_get_app_data(context); }

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

// --- JWT: hashes whose state is a plain struct, so that a keyed state is copied by assignment. OpenSSL 3 marks them as
// old; what it has instead allocates for every copy. -----------------------------------------------------------

static inline void floodgate_sha256_begin(SHA256_CTX *state) { SHA256_Init(state); }
static inline void floodgate_sha256_add(SHA256_CTX *state, const void *bytes, size_t length) {
    SHA256_Update(state, bytes, length);
}
static inline void floodgate_sha256_end(SHA256_CTX *state, unsigned char *digest) { SHA256_Final(digest, state); }
static inline void floodgate_sha384_begin(SHA512_CTX *state) { SHA384_Init(state); }
static inline void floodgate_sha512_begin(SHA512_CTX *state) { SHA512_Init(state); }
static inline void floodgate_sha512_add(SHA512_CTX *state, const void *bytes, size_t length) {
    SHA512_Update(state, bytes, length);
}
// 48 bytes where the state was begun for SHA-384.
static inline void floodgate_sha512_end(SHA512_CTX *state, unsigned char *digest) { SHA512_Final(digest, state); }

// --- end of JWT --------------------------------------------------------------------------------------------

/* What the clients of Benchmarks/loadgen use; the gateway uses none of it. Macros of OpenSSL as functions. */

#include <openssl/err.h>
#include <openssl/ssl.h>

static inline int loadgen_set_versions(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version) && SSL_CTX_set_max_proto_version(context, version);
}

static inline int loadgen_set_groups(SSL_CTX *context, const char *groups) {
    return SSL_CTX_set1_groups_list(context, groups) == 1;
}

static inline void loadgen_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline int loadgen_set_host(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, name) == 1;
}

#endif
