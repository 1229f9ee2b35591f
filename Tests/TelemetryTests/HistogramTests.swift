import Telemetry
import Testing

@Suite struct HistogramTests {
    @Test func `buckets follow each other without gaps, and every value falls where its bounds say`() {
        for bucket in 0..<Histogram.bucketCount {
            let low = Histogram.lowerBound(of: bucket)
            #expect(Histogram.bucket(ofMicroseconds: low) == bucket)
            if bucket > 0 {
                #expect(Histogram.bucket(ofMicroseconds: low - 1) == bucket - 1)
                #expect(Histogram.lowerBound(of: bucket - 1) < low)
            }
        }
        #expect(Histogram.bucket(of: .max) == Histogram.bucketCount - 1)
        #expect(
            Histogram.bucket(of: 0) == 0 && Histogram.bucket(of: -5) == 0 && Histogram.bucket(of: .min) == 0)
    }

    @Test func `powers of two are counted exactly, the bound itself included`() {
        for exponent in 0...31 {
            let nanoseconds = (Int64(1) << Int64(exponent)) * 1000
            var histogram = Histogram()
            histogram.record(nanoseconds: nanoseconds)
            #expect(histogram.count(upToPowerOfTwo: exponent) == 1)
            histogram.record(nanoseconds: nanoseconds + 1)
            #expect(histogram.count(upToPowerOfTwo: exponent) == 1)
            #expect(histogram.count == 2)
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `quantiles are off by an eighth at most`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var histogram = Histogram()
        // Spread over the powers of two from 8 µs to about an hour.
        let values = (0..<5000).map { _ in
            Int64.random(in: 8000...(Int64(8000) << Int64.random(in: 0...28, using: &random)), using: &random)
        }.sorted()
        for value in values { histogram.record(nanoseconds: value) }
        for quantile in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
            let rank = max(1, Int((Double(values.count) * quantile).rounded(.up)))
            let exact = Double(values[rank - 1])
            guard let estimate = histogram.quantile(quantile) else {
                Issue.record("no quantile")
                continue
            }
            #expect(abs(estimate - exact) <= exact / 8 + 1000, "seed \(seed), quantile \(quantile)")
        }
    }

    @Test func `nothing counted has no quantile`() {
        #expect(Histogram().quantile(0.5) == nil)
        #expect(Histogram().count == 0)
    }

    @Test func `merging counts what both counted`() {
        var left = Histogram()
        var right = Histogram()
        var both = Histogram()
        for value in [0, 1, 999, 1000, 1500, 77_000, 3_000_000_000, Int64(1) << 60] {
            left.record(nanoseconds: value)
            both.record(nanoseconds: value)
            right.record(nanoseconds: value * 3 / 2)
            both.record(nanoseconds: value * 3 / 2)
        }
        left.merge(right)
        #expect(left == both)
    }

    @Test func `the sum is rounded to the nearest microsecond`() {
        var histogram = Histogram()
        for value: Int64 in [400, 600, 1499, 1500] { histogram.record(nanoseconds: value) }
        #expect(histogram.sum == 0 + 1 + 1 + 2)
    }
}
