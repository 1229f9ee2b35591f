import Redis
import Testing

struct RedisAddressTests {
    @Test(arguments: [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://LOCALHOST:7000/3", "redis://localhost:7000/3"),
        ("redis://10.0.0.1:6380/0", "redis://10.0.0.1:6380"),
        ("redis://[::1]", "redis://[::1]:6379"),
        ("redis://[2001:db8::1]:7000/15", "redis://[2001:db8::1]:7000/15"),
        ("redis://:secret@cache.internal", "redis://:***@cache.internal:6379"),
        ("redis://gate:secret@cache.internal:6379/1", "redis://gate:***@cache.internal:6379/1"),
        ("rediss://gate:secret@cache.internal", "rediss://gate:***@cache.internal:6379"),
        ("redis://h/", "redis://h:6379"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
        ("unix://gate:secret@/run/redis%20a.sock?db=0", "unix://gate:***@/run/redis a.sock"),
    ])
    func `an address is read, and shown without its password`(written: String, shown: String) throws {
        let address = try RedisAddress(written)
        #expect(address.description == shown)
        #expect("\(address)" == shown)
        #expect(String(reflecting: address) == shown)
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!dumped.contains("secret"))
    }

    @Test func `escaped signs in a user and a password are what they stand for`() throws {
        let address = try RedisAddress("redis://g%3Aate:p%40ss%2Fw%25rd%23@h/1")
        #expect(address.user == "g:ate")
        #expect(address.password == "p@ss/w%rd#")
        #expect(address.database == 1)
        #expect(try RedisAddress("redis://:pass@h").user == nil)
    }

    @Test(arguments: [
        ("", "begins with"), ("memory", "begins with"), ("http://h", "begins with"),
        ("redis://", "host is missing"), ("redis://:6379", "host is missing"),
        ("redis://h:0", "port"), ("redis://h:65536", "port"), ("redis://h:", "port"),
        ("redis://h:-1", "port"), ("redis://::1", "brackets"), ("redis://[h]", "brackets"),
        ("redis://h/x", "database"), ("redis://h/-1", "database"), ("redis://h/70000", "database"),
        ("redis://h/1/2", "%2F"), ("redis://u:pa/ss@h", "%2F"), ("redis://u:p@ss@h", "%40"),
        ("redis://u:p#ss@h", "%23"), ("redis://h?db=1", "options"), ("redis://user@h", "user:password"),
        ("redis://u:@h", "empty"), ("redis://u:%4@h", "%25"), ("redis://u:%zz@h", "%25"),
        ("redis://u:%ff@h", "UTF-8"), ("redis://h h", "name"), ("redis://h\u{0}", "name"),
        ("unix://run/redis.sock", "whole path"), ("unix://", "whole path"), ("unix:///", "2 to"),
        ("unix:///a?x=1", "db=number"), ("unix:///a?db=x", "database"), ("unix:///a%00b", "2 to"),
    ])
    func `what is no address is refused in words that do not repeat it`(written: String, words: String) {
        do {
            let address = try RedisAddress(written)
            Issue.record("\(written) is \(address)")
        } catch {
            #expect(error.words.contains(words), "\(written)")
            #expect(!error.words.contains("ss@h"))
        }
    }

    @Test func `a socket's path is no longer than the kernel takes`() {
        #expect(throws: RedisAddress.Problem.self) {
            try RedisAddress("unix:///" + String(repeating: "a", count: 107))
        }
        #expect(throws: Never.self) {
            try RedisAddress("unix:///" + String(repeating: "a", count: 106))
        }
    }
}
