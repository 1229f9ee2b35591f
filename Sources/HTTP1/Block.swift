/// Sixteen bytes that are looked at together.
typealias Block = SIMD16<UInt8>

extension Block {
    /// Sixteen times the same byte. The operators between a vector and a number compare lane by lane, those
    /// between two vectors are one instruction.
    @inline(__always)
    static func all(_ byte: UInt8) -> Block { Block(repeating: byte) }
}
