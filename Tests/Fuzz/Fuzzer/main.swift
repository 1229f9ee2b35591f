import Glibc

// `fuzzer TARGET [libFuzzer's options and folders]` fuzzes one target;
// `fuzzer TARGET heap FOLDER…` checks that the heap does not grow.
exit(Fuzzer.main(CommandLine.arguments))
