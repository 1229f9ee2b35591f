import Addressing
import Pipeline
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

    /// What a file came to.
    package struct Contents {
        package let settings: GatewaySettings
        package let warnings: [Diagnostic]
        /// As it was read: certificates are read again with it when their files change.
        package let text: String
        /// Which versions of the files of certificates and keys were read, by path.
        let credentials: [String: FileVersion]
    }

    /// Reads and checks the file and the files that it names: settings and warnings, or everything that is
    /// wrong with them.
    package func load() throws(Failure) -> Contents {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try ProcessFiles.read(path, limit: SettingsFile.longest)
        } catch {
            throw .unreadable(path: path, error)
        }
        return try load(text: String(decoding: bytes, as: UTF8.self))
    }

    /// The same for a text that was read before.
    package func load(text: String) throws(Failure) -> Contents {
        let versions = FileVersions()
        func read(_ path: String, limit: Int) -> Result<[UInt8], CredentialFiles.Unreadable> {
            // Before it is read: a file that changes meanwhile is another version then.
            versions.known[path] = FileVersion(of: path)
            do throws(SystemError) {
                return .success(try ProcessFiles.read(path, limit: limit))
            } catch {
                return .failure(CredentialFiles.Unreadable("\(error)"))
            }
        }
        let credentials = CredentialFiles(
            now: SystemClock.wallTime().seconds,
            read: { read($0, limit: SettingsFile.longestCredential) },
            readList: { read($0, limit: AddressListFile.largest) })
        let loaded = GatewaySettings.load(
            text: text, file: path, environment: ProcessFiles.environment, credentials: credentials)
        guard let settings = loaded.settings else { throw .invalid(loaded.diagnostics) }
        return Contents(
            settings: settings, warnings: loaded.diagnostics, text: text, credentials: versions.known)
    }

    private final class FileVersions {
        var known: [String: FileVersion] = [:]
    }

    /// Bytes of any file that the settings name: of a hundred thousand API keys. Others have less.
    private static let longestCredential = APIKeySet.longestFile
}
