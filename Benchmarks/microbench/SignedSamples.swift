/// Tokens as a Supabase project gives them out, about 760 bytes and more, signed once by keys of which only
/// the public halves are kept (the secret of HS256 is the bytes 0 to 63).
enum SignedSamples {
    static let payload = #"""
        {"iss":"https://x.supabase.co/auth/v1","sub":"7d6e1f0a-3d0c-4d5b-9a33-1f2c3d4e5f60","aud":"authent\#
        icated","exp":1893456000,"iat":1767225600,"email":"someone@example.com","phone":"","app_metadata":\#
        {"provider":"email","providers":["email"],"plan":"pro"},"user_metadata":{"name":"Some Body","avata\#
        r":"https://cdn.example.com/a/b/c.png"},"role":"authenticated","aal":"aal1","amr":[{"method":"pass\#
        word","timestamp":1767225600}],"session_id":"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9","is_anonymous":\#
        false}
        """#

    static let keys = #"""
        {"keys":[{"kty":"oct","kid":"HS256","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\#
        gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw"},{"kty":"RSA","kid":"RS256","alg":"RS256","e":"AQAB",\#
        "n":"9FVYIhw7qqw29wRN5ynYEdo0KIiMPgtsQgWEWN9NRMt-0zyEnmL6i-giQBFUjQ1SetUaF3Pr02gXl7QTJYEXwck6Ft5uy\#
        Ez3gN3L16C49LNYiGK01UTrczS0LiKJAQJRnTPIuWIgiLODxUcdEMRmjPOTgESbvB79v65vQVV6IdngvnWmuIKmos22COOYgQC\#
        ahg8cE6PC4MNsm1UtImvIubIWlXG0tO1WLuCLsVz_IC0jCrRIyEyTi90q-mqYUqaE0HHgMbhGK-cLlz-jrfhKLvfDRkKfKP3wG\#
        L1VXNz3iTrEf70zPHFs_0LKvQCcXZuBYb2NIpA1QFWC8CEsBS5FKw"},{"kty":"RSA","kid":"PS256","alg":"PS256","\#
        e":"AQAB","n":"9FVYIhw7qqw29wRN5ynYEdo0KIiMPgtsQgWEWN9NRMt-0zyEnmL6i-giQBFUjQ1SetUaF3Pr02gXl7QTJYE\#
        Xwck6Ft5uyEz3gN3L16C49LNYiGK01UTrczS0LiKJAQJRnTPIuWIgiLODxUcdEMRmjPOTgESbvB79v65vQVV6IdngvnWmuIKmo\#
        s22COOYgQCahg8cE6PC4MNsm1UtImvIubIWlXG0tO1WLuCLsVz_IC0jCrRIyEyTi90q-mqYUqaE0HHgMbhGK-cLlz-jrfhKLvf\#
        DRkKfKP3wGL1VXNz3iTrEf70zPHFs_0LKvQCcXZuBYb2NIpA1QFWC8CEsBS5FKw"},{"kty":"EC","crv":"P-256","kid":\#
        "ES256","x":"JXUkF9G8FbtH6fiAzTjet9uljJIHg1qpXgRsD53JXZ8","y":"Xq-P1SVuH-TkoJrMMZx14QFd8s1rNDapcHo\#
        29gaomWg"},{"kty":"EC","crv":"P-384","kid":"ES384","x":"MYDHbPP8RLugM8XNUQ4dm1pAUepC3LT-ItN_8A_3j2\#
        1Y2RnzzsNSDVtkD_cOubN5","y":"5TMumdgxq5kRREYxYIFpcGNhuhEzfaXpX82NdgO8eq8F8cPpH2eqnFLVmDYjQ7NX"},{"\#
        kty":"OKP","crv":"Ed25519","kid":"EdDSA","x":"DlKmPEA9bUOKgxH01gma0zSDD2TSKo5QBYdl8v-PL28"}]}
        """#

    /// Base64url, by the algorithm's name.
    static let signatures = [
        "HS256":
            "UT69g3UuoS5oY8_ZJUtK1fy32gQbOANv8-VFNL8BAg4",
        "RS256":
            "n9vq0Or5_c2MkMkSp0AUZTq9TWS4ao6YuW5oIyBJfaF8WAvGxD7id3P4fb-Yo3cHLb2QQnEZ4HS5bGzclAOU"
            + "AB5p1Cg1V77RjGTieEQRfRyucciGkiCOHlY-gYCtr2hPcgvNUlQULqRT8DV_Yo82MkEOKer0M46vmLpam2gJ"
            + "7AfNY2jeOafMte556IvuJd6SaWKR9UQ8kRegLK-cdPmN2ocaHmMJTw7nBxJt5czf_VPBQINcLdVfHyElgPfU"
            + "KRiXvEY9HxiuC8d8T3zBuYzLopoRZa7-RIa655O6WPHg1o5_l_4PjrWkNTQf5vUMUPG2fLR5YmJ2Gu_dBEhA"
            + "tETvsA",
        "PS256":
            "iVNjoWrhMJJYoFW9jttkAvNHl_dVTrCV2tU3mFmDy8eYsk0YKaAK2Pgm1RCP6mUhpLhN2uefUBQFriQXC0S5"
            + "ij-o2bzL-QI_56JfPjmgqqA0eymWCyp5eq1x67Im7xNhOlNlWE8cqGx7-bI_vqlOS5k4rli7czU5SAs44G72"
            + "Odvq-ylWXK4Wx9Zh1lcrczzcqFuNHnc8_OTlt8I6AA-lpif5TCsoh9KrZvFfySinSEQVoyuiReZOmExRNADa"
            + "9sNp-hFvzeh1uYiFKeYCzr7d2Inuqz4KpSXu7YZPs4aP091X4lbLC9UqCdjtafbDqGZ1GMJgcRJ0VgQPE-Pw"
            + "kVF9xA",
        "ES256":
            "943DpKOYl9T10QvKV23GhvfLOAf4CBWR59Cko5IpgRWWNmEEwWwCpcKQPeCTdX1JSIyaZbbh05_PN72hjB6e"
            + "BQ",
        "ES384":
            "YO1ydVx6zDsoH9i_DeyBRmvAs9ebukM-lhuhXo47Am0g73V9Zc3frkXwut3ihk3HeGyPRqLHjibJ0UHDW2M5"
            + "V5CI0DQc3zcMhfLAEgCVlXa3UF7uLPobZJZ9C8Z-4eY5",
        "EdDSA":
            "Guu3TAlvjLMpFwh5RlKvifUZe-XyXQOpu57Qlt2WEuUieN7m4hOoDFQyAmCI9jo6Kjb-qimOgbaav6wMq65D"
            + "Cw",
    ]
}
