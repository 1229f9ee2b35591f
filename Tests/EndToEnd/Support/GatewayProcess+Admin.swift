import Foundation

// What the admin listener says of a gateway.
extension GatewayProcess {
    /// A page of the admin listener.
    func adminPage(_ path: String) throws -> String {
        // It opens a moment after the gateway's own listeners.
        let client = try eventually("the admin listener") { try? RawClient(port: ports.admin) }
        let response = try client.ask("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(ports.admin)\r\n\r\n")
        client.close()
        return response.text
    }

    /// A number of the metrics, named as the page names it, labels included; nil where it is not there.
    func metric(_ name: String) throws -> Int? {
        let line = try adminPage("/metrics").split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) }
    }
}
