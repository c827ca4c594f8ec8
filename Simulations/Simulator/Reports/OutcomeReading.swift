import Basis

extension Plan.Expectation {
    /// Whether a run that ended so did what the plan asked for.
    public func isMet(by outcome: Outcome) -> Bool {
        switch (self, outcome) {
        case (.pass, .passed), (.halt, .halted): true
        case (.violation(let invariant), .violated(let violation)): violation.invariant == invariant
        default: false
        }
    }
}

/// An outcome in words for people.
struct OutcomeReading {
    enum Tone: String {
        case good, bad
        /// Neither: the run was cut short.
        case open
    }

    var tone: Tone
    /// Two or three words.
    var headline: String
    /// What the outcome means.
    var sentence: String

    init(_ record: RunRecord) {
        let expects = record.plan.expects
        let isMet = expects.isMet(by: record.outcome)
        tone = isMet ? .good : .bad
        switch record.outcome {
        case .passed:
            headline = "Passed"
            sentence = "No invariant broke, and all that had to come true in calm came true."
        case .violated(let violation):
            headline = "\(violation.invariant) broken"
            sentence = OutcomeReading.statement(of: violation.invariant, in: record).map { "This did not hold: \($0)." }
                ?? "An invariant did not hold."
        case .stuck(let must, _):
            headline = "Stuck: \(must.rawValue)"
            let limit = record.plan.must.first { $0.id == must }?.limit ?? must.limit
            sentence = "This did not come true within \(Wording.duration(limit)) of calm: \(must.meaning)."
        case .halted:
            headline = "Halted safely"
            sentence = "Finality was lost, and nothing unsafe happened."
        case .exhausted:
            tone = .open
            headline = "No outcome"
            sentence = "The limit of time or events came first."
        case .trapped(let text):
            headline = "A node trapped"
            sentence = text.isEmpty ? "The process ended by a broken invariant of its own." : text
        }
        if case .exhausted = record.outcome { return }
        switch expects {
        case .pass: break
        case .halt: sentence += isMet ? " The plan expected this." : " The plan expected finality to be lost."
        case .violation(let invariant):
            sentence += isMet ? " The plan expected this." : " The plan expected \(invariant) to break."
        }
    }

    /// What an invariant demands, if it was judged.
    static func statement(of invariant: String, in record: RunRecord) -> String? {
        let statement = record.judged.first { $0.invariant == invariant }?.statement ?? ""
        return statement.isEmpty ? nil : statement
    }
}
