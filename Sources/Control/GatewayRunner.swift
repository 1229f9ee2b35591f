import Addressing
import Proxy
import Reactor
import Settings
import Telemetry

/// A warning or an error of a settings file, as commands print it.
package typealias SettingsDiagnostic = Diagnostic

/// Starts the gateway, runs it to its end, and gives way before the first request if anything is amiss.
package enum GatewayRunner {
    /// Runs until a signal ends it. Throws before anything serves if it cannot start.
    package static func run(
        _ file: SettingsFile, _ contents: SettingsFile.Contents, signals: consuming Signals,
        whenReady: (Gateway) -> Void = { _ in }
    ) throws(Gateway.StartFailure) {
        let gateway = try Gateway(file: file, contents: contents)
        try gateway.startAdmin()
        do throws(SystemError) {
            var loop = try ControlLoop(
                gateway: gateway, signals: signals, notifyPath: ProcessFiles.environment["NOTIFY_SOCKET"])
            gateway.events.info(
                "serving",
                [
                    "addresses": gateway.addresses.map(\.description).joined(separator: " "),
                    "workers": "\(gateway.workers.count)", "file": file.path,
                ])
            whenReady(gateway)
            loop.run()
        } catch {
            throw .system(error)
        }
    }
}
