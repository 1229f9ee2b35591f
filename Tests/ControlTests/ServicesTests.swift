import Addressing
import Fetch
import Pipeline
import Settings
import Testing

@testable import Control

@Suite struct ServicesTests {
    @Test func `a key set is fetched as its settings say`() throws {
        var settings = TokenSettings()
        settings.name = "users"
        #expect(KeySetSource(settings) == nil)
        settings.keys = .file("jwks.json")
        #expect(KeySetSource(settings) == nil, "files are read with the settings")
        let url = try HTTPURL("https://id.example.com/keys")
        settings.keys = .url(url)
        let source = try #require(KeySetSource(settings))
        #expect(source.name == "users")
        #expect(source.place == .url(url, reach: .global, trust: .system))
        settings.allowsPrivateKeys = true
        settings.authorities = "authority.pem"
        settings.material.authorities = [1, 2, 3]
        #expect(KeySetSource(settings)?.place == .url(url, reach: .local, trust: .authorities([1, 2, 3])))
    }

    @Test func `plans are looked up as the settings say`() throws {
        var settings = PlanLookupSettings()
        #expect(PlanSource(settings) == nil)
        settings.url = try URLTemplate("https://app.example.com/plan/{sub}")
        settings.member = "user.plan"
        settings.headers = [HeaderField("Authorization", "Bearer x")]
        let source = try #require(PlanSource(settings))
        #expect((source.reach, source.trust) == (.global, .system))
        #expect(source.fields == [PlanField(name: "Authorization", value: "Bearer x")])
        settings.allowsPrivate = true
        settings.authorities = "authority.pem"
        settings.authorityBytes = [1]
        #expect(PlanSource(settings)?.reach == .local)
        #expect(PlanSource(settings)?.trust == .authorities([1]))
    }
}
