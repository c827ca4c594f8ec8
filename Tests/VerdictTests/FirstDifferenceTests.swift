import Testing

@testable import Verdict

@Suite struct FirstDifferenceTests {
    /// (a, b) → the words for people; bytes unless both are composite JSON; nil for equal answers.
    @Test(arguments: [
        ("abc", "abc", nil), ("abc", "abd", "byte 2: \"c\" and \"d\""), ("abc", "ab", "byte 2: \"c\" and the end"),
        ("", "\n", "byte 0: the end and 0x0a"), ("1", "2", "byte 0: \"1\" and \"2\""),
        (#"{"a":1,"b":[1,{"x~/":2}]}"#, #"{"b":[1,{"x~/":3}],"a":1.0}"#, "/b/1/x~0~1: 2 and 3"),
        (#"{"a":1}"#, #"{"a":1,"c":"é"}"#, #"/c: nothing and "é""#), (#"[1,2]"#, #"[1]"#, "/1: 2 and nothing"),
        (#"{"a":1}"#, #"[1]"#, #"the whole value: {"a":1} and [1]"#),
        // Equal values in other words are equal to a JSON comparator; the bytes tell them apart.
        (#"{"a":1}"#, #"{ "a": 1 }"#, "byte 1: 0x22 and 0x20"),
    ] as [(String, String, String?)])
    func words(_ a: String, _ b: String, _ expected: String?) {
        let found = FirstDifference.between(Array(a.utf8), Array(b.utf8))?.description
        #expect(found == expected?.replacing("0x22", with: "\"\"\""))
    }

    /// Long values are cut.
    @Test func cut() {
        let long = String(repeating: "y", count: 100)
        let found = FirstDifference.between(Array("[\"\(long)\"]".utf8), Array("[0]".utf8))
        #expect(found?.description == "/0: \"" + String(repeating: "y", count: 39) + "… and 0")
    }
}
