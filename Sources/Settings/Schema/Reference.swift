/// The manual, made from the declarations that also read the file.
package struct Reference: Sendable {
    private let root: SectionDescription

    package init(_ root: SectionDescription) { self.root = root }

    // MARK: - JSON schema

    /// JSON schema, draft 2020-12.
    package var schema: String {
        guard case .object(var members) = root.schema else { return "" }
        members.append(("patternProperties", .object([("^x-", .bool(true))])))
        return JSONValue.object(
            [
                ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
                ("title", .string("Floodgate settings")), ("description", .string(root.documentation)),
            ] + members
        ).indentedText
    }

    // MARK: - Markdown

    /// One table for each section.
    package var markdown: String {
        var text = ""
        table(root, name: nil, suffix: "", to: &text)
        return text
    }

    /// - Parameter name: The keys that lead to the section; nil for the file itself.
    private func table(_ section: SectionDescription, name: String?, suffix: String, to text: inout String) {
        let title = name.map { "`\($0)`" } ?? "The file"
        text += "### \(title)\(suffix)\n\n\(section.documentation)\n\n"
        text += "| Key | Value | Default | Changes with | Meaning |\n|---|---|---|---|---|\n"
        for field in section.fields {
            let value = field.defaultText.map { "`\($0)`" } ?? (field.isRequired ? "required" : "")
            let row = [
                "`\(field.name)`", field.words, value, field.reload.words,
                field.documentation + " Example: `\(field.name): \(field.example)`",
            ]
            text += "| " + row.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        text += "\n"
        let prefix = name.map { $0 + "." } ?? ""
        for field in section.fields {
            switch field.shape {
            case .value: continue
            case .section(let inner), .optionalSection(let inner):
                table(inner, name: prefix + field.name, suffix: "", to: &text)
            case .sections(let inner):
                table(inner, name: prefix + field.name, suffix: " (a list; the keys of one entry)", to: &text)
            case .named(let inner):
                table(
                    inner, name: prefix + field.name, suffix: " (by name; the keys of one entry)", to: &text)
            }
        }
    }

    // MARK: - YAML

    /// A file that says everything there is: defaults as they are, all else as comments or, where required,
    /// as examples.
    package var yaml: String {
        var lines = [
            "# Every key that Floodgate knows, with its default. What has no default stands in a comment,",
            "# as an example. Made by `floodgate reference --format yaml`. In any text, ${NAME} and",
            "# ${NAME:-default} stand for variables of the environment, and $${ for the signs themselves.",
            "# Keys at the left margin that begin with x- are left alone. A changed value holds from the",
            "# next request on, unless its comment says otherwise.",
        ]
        write(root, indent: "", first: nil, blankLines: true, to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter first: what stands before the first active key: the dash of a list.
    private func write(
        _ section: SectionDescription, indent: String, first: String?, blankLines: Bool,
        to lines: inout [String]
    ) {
        var dash = first
        for field in ordered(section, isEntry: first != nil) {
            if blankLines { lines.append("") }
            comment(field, indent: indent, to: &lines)
            let lead = dash ?? indent
            switch field.shape {
            case .section(let inner):
                lines.append("\(lead)\(field.name):")
                write(inner, indent: indent + "  ", first: nil, blankLines: false, to: &lines)
                dash = nil
            case .sections(let inner) where blankLines:
                lines.append("\(lead)\(field.name):")
                write(inner, indent: indent + "    ", first: indent + "  - ", blankLines: false, to: &lines)
            case .named(let inner) where blankLines:
                let name = Self.entryName(of: field.example)
                lines.append("\(lead)\(field.name):")
                lines.append("\(indent)  \(name):")
                write(inner, indent: indent + "    ", first: nil, blankLines: false, to: &lines)
            case .value, .optionalSection, .sections, .named:
                if let text = field.presence == .optional ? field.defaultText : field.example {
                    lines.append("\(lead)\(field.name): \(text)")
                    dash = nil
                } else {
                    lines.append("\(indent)# \(field.name): \(field.example)")
                }
            }
        }
    }

    /// In an entry of a list, required keys come first, so that the dash stands before a key that is there.
    private func ordered(_ section: SectionDescription, isEntry: Bool) -> [FieldDescription] {
        guard isEntry else { return section.fields }
        return section.fields.filter(\.isRequired) + section.fields.filter { !$0.isRequired }
    }

    /// `app` of `{ app: { … } }`.
    private static func entryName(of example: String) -> String {
        String(example.drop { $0 == "{" || $0 == " " }.prefix { $0 != ":" })
    }

    private func comment(_ field: FieldDescription, indent: String, to lines: inout [String]) {
        var words = field.documentation.split(separator: " ").map(String.init)
        if case .value = field.shape {
            let takes = "Takes \(field.words)\(field.reload.clause)."
            words += takes.split(separator: " ").map(String.init)
        }
        var line = indent + "#"
        for word in words {
            if line.count + word.count + 1 > 110 {
                lines.append(line)
                line = indent + "#"
            }
            line += " " + word
        }
        lines.append(line)
    }
}
