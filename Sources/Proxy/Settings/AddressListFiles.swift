import Addressing
import Pipeline
import Settings

extension GatewaySettings {
    /// All lists of addresses: the gateway's, then those of routes.
    var addressLists: [AddressListSettings] { [addresses] + routes.map(\.addresses) }

    /// Reads the files of lists that the settings name, and makes look-up tables of all lists. Each bad line
    /// is reported where its file is named.
    mutating func loadAddressLists(_ files: CredentialFiles, _ reader: inout Reader) {
        var loader = AddressListLoader(files: files, reader: reader)
        loader.load(&addresses, at: [.key("addresses")])
        for index in routes.indices {
            loader.load(&routes[index].addresses, at: [.key("routes"), .index(index), .key("addresses")])
        }
        reader = loader.reader
    }
}

private struct AddressListLoader {
    let files: CredentialFiles
    var reader: Reader
    /// Files that were read: routes may share one. Nil is one that cannot be used, and was reported.
    private var known: [String: [AddressRange]?] = [:]
    /// Lists of one file and nothing else, which all routes that name it share.
    private var sets: [String: AddressSet] = [:]

    init(files: CredentialFiles, reader: Reader) {
        self.files = files
        self.reader = reader
    }

    mutating func load(_ addresses: inout AddressListSettings, at place: [SettingStep]) {
        addresses.loaded = nil
        guard !addresses.isEmpty else { return }
        let allowed = set(addresses.allow, addresses.allowFile, at: place + [.key("allow_file")])
        let denied = set(addresses.deny, addresses.denyFile, at: place + [.key("deny_file")])
        if let allowed, allowed.count == 0, let file = addresses.allowFile {
            reader.report(
                .warning, at: reader.mark(of: place + [.key("allow_file")]),
                "\(place.text).allow_file: \(file) is empty: nobody is served")
        }
        addresses.loaded = AddressListSettings.Loaded(allowed: allowed, denied: denied)
    }

    private mutating func set(
        _ ranges: [AddressRange], _ file: String?, at place: [SettingStep]
    ) -> AddressSet? {
        guard let file else { return ranges.isEmpty ? nil : AddressSet(ranges) }
        if ranges.isEmpty, let shared = sets[file] { return shared }
        let set = AddressSet(ranges + read(file, at: place))
        if ranges.isEmpty { sets[file] = set }
        return set
    }

    private mutating func read(_ path: String, at place: [SettingStep]) -> [AddressRange] {
        if let known = known[path] { return known ?? [] }
        known[path] = .some(nil)
        switch files.readList(path) {
        case .failure(let error):
            reader.report(at: reader.mark(of: place), "\(place.text): cannot read \(path): \(error.reason)")
            return []
        case .success(let bytes):
            let contents = bytes.withView { AddressListFile.read($0) }
            for fault in contents.faults {
                reader.report(
                    at: reader.mark(of: place), "\(place.text): \(path):\(fault.line): \(fault.reason)")
            }
            if contents.faultCount > contents.faults.count {
                reader.report(
                    at: reader.mark(of: place),
                    "\(place.text): \(path): \(contents.faultCount - contents.faults.count) more bad lines")
            }
            if contents.faultCount == 0 { known[path] = contents.ranges }
            return contents.ranges
        }
    }
}
