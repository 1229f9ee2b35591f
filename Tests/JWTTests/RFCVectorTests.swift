import JWT
import Testing

/// The examples of RFC 7515, 7519 and 8037.
@Suite struct RFCVectorTests {
    @Test func `the examples of RFC 7515 with HMAC, RSA and ECDSA are verified`() throws {
        let secret = try KeySet(keys: [VerificationKey(secret: decoded(RFCVectors.hs256Secret))])
        #expect(verdict(RFCVectors.hs256, secret) == nil)
        #expect(verdict(RFCVectors.rs256, try keySet(RFCVectors.rsaKey)) == nil)
        #expect(verdict(RFCVectors.es256, try keySet(RFCVectors.p256Key)) == nil)
    }

    @Test func `examples whose payload is no JSON come as far as their claims`() throws {
        #expect(verdict(RFCVectors.es512, try keySet(RFCVectors.p521Key)) == .badClaims)
        #expect(verdict(RFCVectors.edDSA, try keySet(RFCVectors.ed25519Key)) == .badClaims)
    }
}
