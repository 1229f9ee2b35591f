import Glibc
import Reactor
import Testing

@Suite struct ProcessFilesTests {
    /// A folder of the test's own, emptied and removed with it.
    private final class Folder {
        let path: String

        init() throws {
            var template = Array("/tmp/floodgate-files-XXXXXX".utf8CString)
            path = String(cString: try #require(mkdtemp(&template)))
        }

        deinit {
            for name in ["file", "file.new", "link"] { unlink(path + "/" + name) }
            rmdir(path + "/folder")
            rmdir(path)
        }

        func mode(_ name: String) -> mode_t {
            var information = stat()
            guard lstat(path + "/" + name, &information) == 0 else { return 0 }
            return information.st_mode
        }
    }

    @Test func `what is written is read again, and a key is for its owner alone`() throws {
        let folder = try Folder()
        let path = folder.path + "/file"
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try ProcessFiles.write(bytes, to: path, readers: .owner)
        #expect(try ProcessFiles.read(path, limit: 1 << 20) == bytes)
        #expect(folder.mode("file") & 0o777 == 0o600)
        try ProcessFiles.write([1], to: path, readers: .anyone)
        #expect(try ProcessFiles.read(path, limit: 1 << 20) == [1])
        #expect(folder.mode("file") & 0o600 == 0o600)
        #expect(folder.mode("file.new") == 0)
    }

    @Test func `a file that could be read by all becomes its owner's alone`() throws {
        let folder = try Folder()
        let path = folder.path + "/file"
        try ProcessFiles.write([1], to: path, readers: .anyone)
        chmod(path, 0o666)
        try ProcessFiles.write([2], to: path, readers: .owner)
        #expect(folder.mode("file") & 0o777 == 0o600)
    }

    @Test func `a draft that was left behind is replaced, and a link is not followed`() throws {
        let folder = try Folder()
        let path = folder.path + "/file"
        symlink("/dev/full", path + ".new")
        try ProcessFiles.write([3], to: path, readers: .owner)
        #expect(folder.mode("file") & S_IFMT == S_IFREG)
        symlink(path, folder.path + "/link")
        try ProcessFiles.write([4], to: folder.path + "/link", readers: .owner)
        #expect(try ProcessFiles.read(path, limit: 10) == [3])
    }

    @Test func `a folder that is missing or none is an error`() throws {
        let folder = try Folder()
        #expect(throws: SystemError("open", code: ENOENT)) {
            try ProcessFiles.write([1], to: folder.path + "/none/file", readers: .anyone)
        }
        try ProcessFiles.write([1], to: folder.path + "/file", readers: .anyone)
        #expect(throws: SystemError("mkdir", code: ENOTDIR)) {
            try ProcessFiles.makeFolder(folder.path + "/file")
        }
        #expect(throws: SystemError("mkdir", code: ENOENT)) {
            try ProcessFiles.makeFolder(folder.path + "/none/folder")
        }
        try ProcessFiles.makeFolder(folder.path + "/folder")
        try ProcessFiles.makeFolder(folder.path + "/folder")
        #expect(folder.mode("folder") & S_IFMT == S_IFDIR)
    }
}
