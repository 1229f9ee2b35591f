import Proxy
import Reactor
import Settings

/// The settings file as it stands on disk.
package struct SettingsFile: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Bytes that a file may have.
    package static let longest = 4 << 20

    package enum Failure: Error, CustomStringConvertible {
        case unreadable(path: String, SystemError)
        case invalid([Diagnostic])

        package var description: String {
            switch self {
            case .unreadable(let path, let error): "cannot read \(path): \(error)"
            case .invalid(let diagnostics): diagnostics.text
            }
        }
    }

    /// Reads and checks the file: settings and warnings, or everything that is wrong with it.
    package func load() throws(Failure) -> (settings: GatewaySettings, warnings: [Diagnostic]) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try ProcessFiles.read(path, limit: SettingsFile.longest)
        } catch {
            throw .unreadable(path: path, error)
        }
        let loaded = GatewaySettings.load(
            text: String(decoding: bytes, as: UTF8.self), file: path, environment: ProcessFiles.environment)
        guard let settings = loaded.settings else { throw .invalid(loaded.diagnostics) }
        return (settings, loaded.diagnostics)
    }
}
