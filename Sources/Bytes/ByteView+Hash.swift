extension ByteView {
    /// Feeds the bytes and their length to a hasher, which is keyed anew for each process (SipHash): what
    /// strangers choose does not make them meet.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        var index = 0
        while index &+ 8 <= count {
            hasher.combine(eight(at: index))
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest &<< 8 | UInt64(self[index])
            index &+= 1
        }
        hasher.combine(rest)
    }

    /// 64 bits of a hash that is keyed anew for each process: finds a place in a table, whose entry is then
    /// compared with the bytes.
    package var place: UInt64 {
        var hasher = Hasher()
        hash(into: &hasher)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// 128 bits of a hash that is keyed anew for each process: stands for the bytes themselves in tables of
    /// this process, for nobody outside can find two texts with the same.
    package var fingerprint: UInt128 {
        var low = Hasher()
        low.combine(0 as UInt8)
        hash(into: &low)
        var high = Hasher()
        high.combine(1 as UInt8)
        hash(into: &high)
        return UInt128(UInt64(bitPattern: Int64(high.finalize()))) << 64
            | UInt128(UInt64(bitPattern: Int64(low.finalize())))
    }
}
