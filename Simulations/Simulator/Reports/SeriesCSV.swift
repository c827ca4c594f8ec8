import Basis

/// A series as a table that other programs read.
public enum SeriesCSV {
    /// The header `seconds,<columns>` and a line for each row. Fields are quoted as RFC 4180 has it; lines end with a
    /// newline alone, as the tools of Unix expect. A value that a row lacks is an empty field.
    public static func text(_ series: Series) -> String {
        var out = (["seconds"] + series.columns).map(field).joined(separator: ",") + "\n"
        for row in series.rows {
            out += Wording.decimal(row.at.nanoseconds, digits: 9, places: 9)
            for column in series.columns.indices {
                out += ","
                if row.values.count > column { out += String(row.values[column]) }
            }
            out += "\n"
        }
        return out
    }

    private static func field(_ text: String) -> String {
        let isPlain = !text.unicodeScalars.contains { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }
        if isPlain { return text }
        var out = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { out += "\"" }
            out.unicodeScalars.append(scalar)
        }
        return out + "\""
    }
}
