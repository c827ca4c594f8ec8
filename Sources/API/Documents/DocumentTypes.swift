/// All types of documents, for `/v1/schemas` and `openapi.json`. Parts of later stages are not in it.
public enum DocumentTypes {
    static let all: [any Document.Type] = [
        JobDocument.self, ReplicaDocument.self, ResultDocument.self, ReceiptDocument.self,
        ReceiptVerdictDocument.self, PeerDocument.self, OfferDocument.self, NetworkDocument.self,
        GraphDocument.self, SeatListDocument.self, LedgerDocument.self, BlockDocument.self,
        AlarmDocument.self,
        AccountDocument.self, HoldDocument.self, HistoryEntryDocument.self,
        TransactionDocument.self,
        NextTransactionDocument.self, NodeDocument.self, HealthDocument.self,
        ReadinessDocument.self,
        BlobDocument.self, EventDocument.self, ValidationDocument.self, JobStatsDocument.self,
        DecisionDocument.self, SchemaListDocument.self, ErrorPageDocument.self,
        LogLineDocument.self,
        InitDocument.self, ReadyDocument.self, NodeFileDocument.self, KeysDocument.self,
        DoctorDocument.self,
        InviteDocument.self, VersionDocument.self, DemoDocument.self,
    ]

    /// The types' names, sorted.
    public static var names: [String] {
        (all.map { $0.documentType } + ["page", "problem"]).sorted()
    }

    /// The JSON Schema of a type; nil if there is none of that name.
    public static func schema(_ name: String) -> JSONValue? {
        if name == "page" { return schema(of: Page<JSONValue>.self) }
        if name == "problem" { return Problem.schema }
        return all.first { $0.documentType == name }.map { schema(of: $0) }
    }

    private static func schema<D: Document>(of type: D.Type) -> JSONValue {
        var members = SchemaReflection.fields(of: type).schema().members ?? [:]
        members["title"] = .string(type.documentType)
        return .object(members)
    }
}

extension Problem {
    /// The JSON Schema of problem+json.
    static var schema: JSONValue {
        let text: JSONValue = ["type": "string"]
        return [
            "title": "problem", "type": "object",
            "required": ["type", "title", "status", "detail", "code"],
            "properties": [
                "type": text, "title": text, "status": ["type": "integer"], "detail": text,
                "code": text,
                "why": text, "fix": text, "requestId": text,
                "retryAfterSeconds": ["type": "integer"],
                "errors": [
                    "type": "array", "items": SchemaReflection.fields(of: Item.self).schema(),
                ],
            ],
        ]
    }
}
