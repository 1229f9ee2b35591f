import Addressing
import CLinux
import Glibc

/// Looks names up as the system does: hosts file, DNS, whatever nsswitch says. Blocks: never on a loop's
/// thread.
package enum NameLookup {
    /// Why a name has no address now.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let code: Int32

        package var description: String {
            // SAFETY: gai_strerror's texts are literals.
            unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        }
    }

    /// The addresses of `name`, each once, in the system's order of preference.
    // SAFETY: the list belongs to us until freeaddrinfo; each entry's address is as long as it says.
    package static func addresses(of name: String) throws(Failure) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else { throw Failure(code: code) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var entry = unsafe list
        while let current = unsafe entry {
            if let raw = unsafe current.pointee.ai_addr,
                let address = unsafe RawAddress(copying: raw).ip?.address,
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe entry = current.pointee.ai_next
        }
        return addresses
    }
}
