/// Finds what was probably meant.
package enum Suggestion {
    /// The candidate nearest to `word`, or nil where none is near: at most a third of the letters may differ.
    package static func nearest<Words: Sequence<String>>(to word: String, among candidates: Words) -> String?
    {
        // Words of this length are no typing errors, and the distance costs their product.
        guard word.unicodeScalars.count <= 64 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in candidates where candidate.unicodeScalars.count <= 64 {
            let allowed = max(1, max(word.unicodeScalars.count, candidate.unicodeScalars.count) / 3)
            let distance = distance(word.lowercased(), candidate.lowercased())
            guard distance <= allowed, distance < (best?.distance ?? .max) else { continue }
            best = (candidate, distance)
        }
        return best?.word
    }

    /// Damerau-Levenshtein, optimal string alignment: insertions, deletions, substitutions and swaps of
    /// neighbours.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.unicodeScalars)
        let right = Array(right.unicodeScalars)
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for i in 0..<left.count {
            var row = [i + 1] + [Int](repeating: 0, count: right.count)
            for j in 0..<right.count {
                let cost = left[i] == right[j] ? 0 : 1
                row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + cost)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
