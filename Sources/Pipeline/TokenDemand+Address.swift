import Addressing

extension TokenDemand.Bucket {
    /// One token out of the bucket that a subject keeps for a holder.
    ///
    /// - Parameters:
    ///   - subject: Of the rule; the same before and after a reload.
    ///   - holder: An address, or the block that counts as one.
    package init(of subject: Int, for holder: IPAddress, interval: Int64, burst: Int64) {
        var hasher = Hasher()
        hasher.combine(subject)
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits >> 64))
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits))
        self.init(
            key: UInt64(bitPattern: Int64(hasher.finalize())), limit: burst, interval: interval)
    }
}
