import Glibc

/// Tells the seed of the schedule in work when a trap ends the process.
enum CrashNote {
    nonisolated(unsafe) static var seed: UInt64 = 0

    static func install() {
        let handler: @convention(c) (Int32) -> Void = { signal in
            var digits: (UInt64, [UInt8]) = (CrashNote.seed, [10])
            repeat {
                digits.1.insert(UInt8(48 + digits.0 % 10), at: 0)
                digits.0 /= 10
            } while digits.0 > 0
            let text = Array("trapped in FLOODGATE_SIMULATION_SEED=".utf8) + digits.1
            _ = write(2, text, text.count)
            Glibc.signal(signal, SIG_DFL)
            raise(signal)
        }
        for number in [SIGILL, SIGTRAP] { signal(number, handler) }
    }
}
