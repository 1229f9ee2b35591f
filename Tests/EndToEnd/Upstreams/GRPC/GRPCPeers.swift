import Foundation

/// A server of gRPC by grpcio, and clients of it, as programs of their own.
final class GRPCServer {
    static let isThere: Bool = {
        let result = try? ChildProcess.run("/usr/bin/python3", ["-c", "import grpc"])
        return result?.exit == .code(0)
    }()

    let port: UInt16
    private let process: ChildProcess

    /// - Parameter credentials: nil speaks in plain.
    init(_ credentials: TestCredentials.Pair? = nil) throws {
        let files = credentials.map { [$0.certificate, $0.key] } ?? []
        let process = try ChildProcess("/usr/bin/python3", ["-u", "-c", Self.program] + files)
        self.process = process
        port = try eventually("the port of the gRPC server", within: .seconds(20)) {
            guard process.exit == nil else { throw TimedOut(what: "it: \(process.standardError)") }
            return UInt16(process.standardOutput.split(separator: "\n").first ?? "")
        }
    }

    deinit { process.kill() }

    /// Runs scenarios against a port; gives what went wrong, nothing where all went well.
    ///
    /// - Parameter authority: PEM file, for a port of TLS.
    static func run(_ scenarios: [String], port: UInt16, authority: String? = nil) throws -> String {
        let arguments = ["\(port)", authority ?? "-"] + scenarios
        let result = try ChildProcess.run(
            "/usr/bin/python3", ["-u", "-c", client] + arguments, within: .seconds(60))
        let wanted = scenarios.map { "ok \($0)\n" }.joined()
        return result.output == wanted && result.exit == .code(0) ? "" : result.output + result.errors
    }

    /// Messages are bytes as they stand. `Wait` and `Release` let a client decide when a server goes on;
    /// `Ended` tells whether a call has ended at the server.
    private static let program = """
        import grpc, sys, threading
        from concurrent import futures

        released = threading.Semaphore(0)
        ended = threading.Event()
        remaining = []

        def unary(request, context):
            context.send_initial_metadata((("x-head", "1"),))
            context.set_trailing_metadata((("x-tail-bin", b"\\x00\\xff"),))
            return request

        def missing(request, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: 100% sure, \\u00fc")

        def late(request, context):
            for number in range(3):
                yield b"%d" % number
            context.abort(grpc.StatusCode.DATA_LOSS, "in the middle")

        def events(request, context):
            for number in range(int(request)):
                yield b"%d" % number
                released.acquire()

        def total(requests, context):
            return b"%d" % sum(len(request) for request in requests)

        def talk(requests, context):
            for request in requests:
                yield b"re: " + request

        def wait(request, context):
            remaining.append(context.time_remaining())
            context.add_callback(ended.set)
            yield b"begun"
            ended.wait(20)

        def release(request, context):
            released.release()
            return b""

        def has_ended(request, context):
            done = ended.wait(20)
            ended.clear()
            left = remaining.pop()
            return b"%s %d" % (str(done).encode(), -1 if left is None else min(int(left), 1 << 30))

        def handlers():
            one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
            return {
                "Unary": one(unary), "Missing": one(missing), "Release": one(release),
                "Ended": one(has_ended), "Late": many(late), "Events": many(events), "Wait": many(wait),
                "Total": grpc.stream_unary_rpc_method_handler(total),
                "Talk": grpc.stream_stream_rpc_method_handler(talk),
            }

        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Peer", handlers()),))
        if len(sys.argv) > 2:
            chain, key = (open(path, "rb").read() for path in sys.argv[1:3])
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
        else:
            port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        print(port)
        server.wait_for_termination()
        """

    private static let client = """
        import grpc, queue, sys

        port, authority, scenarios = sys.argv[1], sys.argv[2], sys.argv[3:]
        options = [
            ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0),
        ]
        if authority == "-":
            channel = grpc.insecure_channel("127.0.0.1:" + port, options)
        else:
            roots = grpc.ssl_channel_credentials(open(authority, "rb").read())
            channel = grpc.secure_channel("localhost:" + port, roots, options)
        PATIENCE = 20

        def call(kind, name):
            return getattr(channel, kind)("/test.Peer/" + name)

        def failure(work):
            try:
                work()
            except grpc.RpcError as error:
                return error.code().name, error.details()
            return "OK", ""

        def unary():
            answer, state = call("unary_unary", "Unary").with_call(b"hello", timeout=PATIENCE)
            assert answer == b"hello", answer
            assert ("x-head", "1") in state.initial_metadata(), state.initial_metadata()
            assert ("x-tail-bin", b"\\x00\\xff") in state.trailing_metadata(), state.trailing_metadata()
            assert call("unary_unary", "Unary")(b"", timeout=PATIENCE) == b""

        def many():
            futures = [call("unary_unary", "Unary").future(b"%d" % n, timeout=PATIENCE) for n in range(200)]
            assert [future.result() for future in futures] == [b"%d" % n for n in range(200)]

        def big():
            message = bytes(range(256)) * (32 << 10)
            assert call("unary_unary", "Unary")(message, timeout=PATIENCE) == message

        def events():
            for number, event in enumerate(call("unary_stream", "Events")(b"20", timeout=PATIENCE)):
                assert event == b"%d" % number, event
                call("unary_unary", "Release")(b"", timeout=PATIENCE)
            assert number == 19

        def upload():
            pieces = (b"x" * size for size in [0, 1, 1000, 100000, 3000000])
            assert call("stream_unary", "Total")(pieces, timeout=PATIENCE) == b"3101001"

        def talk():
            words = queue.Queue()
            answers = call("stream_stream", "Talk")(iter(words.get, None), timeout=PATIENCE)
            for number in range(50):
                words.put(b"%d" % number)
                assert next(answers) == b"re: %d" % number
            words.put(None)
            assert list(answers) == []
            assert answers.code() == grpc.StatusCode.OK

        def missing():
            said = failure(lambda: call("unary_unary", "Missing")(b"", timeout=PATIENCE))
            assert said == ("NOT_FOUND", "no such thing: 100% sure, \\u00fc"), said

        def late():
            seen = []
            said = failure(lambda: seen.extend(call("unary_stream", "Late")(b"", timeout=PATIENCE)))
            assert seen == [b"0", b"1", b"2"], seen
            assert said == ("DATA_LOSS", "in the middle"), said

        def unknown():
            said = failure(lambda: call("unary_unary", "Nothing")(b"", timeout=PATIENCE))
            assert said[0] == "UNIMPLEMENTED", said

        def cancel():
            answers = call("unary_stream", "Wait")(b"", timeout=PATIENCE)
            assert next(answers) == b"begun"
            answers.cancel()
            said = call("unary_unary", "Ended")(b"", timeout=PATIENCE)
            assert said in (b"True 19", b"True 20"), said

        def deadline():
            said = failure(lambda: list(call("unary_stream", "Wait")(b"", timeout=0.5)))
            assert said[0] == "DEADLINE_EXCEEDED", said
            said = call("unary_unary", "Ended")(b"", timeout=PATIENCE)
            assert said == b"True 0", said

        def refused():
            for kind in ("unary_unary", "unary_stream"):
                work = call(kind, "Unary")
                run = work if kind == "unary_unary" else lambda *a, **b: list(work(*a, **b))
                print(*failure(lambda: run(b"x" * 100, timeout=PATIENCE)))

        for name in scenarios:
            try:
                globals()[name]()
            except Exception as error:
                sys.exit("%s: %s: %s" % (name, type(error).__name__, error))
            print("ok", name)
        channel.close()
        """
}
