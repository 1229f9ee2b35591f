import Pipeline
import Reactor
import Time

/// A file of API keys as commands change it: read whole, written anew beside itself and put in its place, so
/// that whoever reads it sees the one or the other. Its owner alone may read it.
package struct APIKeyFile: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Its records; none where there is no file.
    package func read() throws(APIKeyOrder.Failure) -> [APIKeyRecord] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try ProcessFiles.read(path, limit: APIKeySet.longestFile)
        } catch {
            if error.isMissing { return [] }
            throw APIKeyOrder.Failure("cannot read \(path): \(error)", status: 500)
        }
        do throws(APIKeySet.Fault) {
            return try APIKeySet(file: bytes).records
        } catch {
            throw APIKeyOrder.Failure("\(path), \(error)", status: 500)
        }
    }

    /// Reads it, lets `body` change the records, and writes them; nobody else's change comes between.
    func change<Result>(
        _ body: (inout [APIKeyRecord]) throws(APIKeyOrder.Failure) -> Result
    ) throws(APIKeyOrder.Failure) -> Result {
        let outcome = try FolderLock.held(around: path) { () throws(APIKeyOrder.Failure) -> Result in
            var records = try read()
            let result = try body(&records)
            try write(records)
            return result
        }
        do throws(SystemError) {
            return try outcome.get()
        } catch {
            throw APIKeyOrder.Failure("cannot open the folder of \(path): \(error)", status: 500)
        }
    }

    private func write(_ records: [APIKeyRecord]) throws(APIKeyOrder.Failure) {
        let bytes = Array(APIKeySet(records).fileText.utf8)
        guard records.count <= APIKeySet.most, bytes.count <= APIKeySet.longestFile else {
            throw APIKeyOrder.Failure("\(path) is full: a file has \(APIKeySet.most) keys at most")
        }
        do throws(SystemError) {
            try ProcessFiles.write(bytes, to: path, readers: .formerOwner)
        } catch {
            throw APIKeyOrder.Failure("cannot write \(path): \(error)", status: 500)
        }
    }
}
