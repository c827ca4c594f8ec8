/// The interface as OpenAPI 3.1, made from the table of routes.
enum OpenAPI {
    static func document(_ table: RouteTable, version: String) -> JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in table.routes {
            paths[route.pattern, default: [:]][route.method.lowercased()] = operation(route)
            // HEAD answers what GET would, without the body.
            if route.method == "GET" {
                var head = operation(route).members ?? [:]
                head["operationId"] = .string(route.name + "Head")
                head["responses"] = .object(responses(route, hasBodies: false))
                paths[route.pattern, default: [:]]["head"] = .object(head)
            }
        }
        var schemas: [String: JSONValue] = [:]
        for name in DocumentTypes.names { schemas[name] = DocumentTypes.schema(name) }
        return [
            "openapi": "3.1.0",
            "info": ["title": "peernode", "version": .string(version)],
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(schemas),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
            ],
        ]
    }

    private static func operation(_ route: Route) -> JSONValue {
        var members: [String: JSONValue] = [
            "operationId": .string(route.name), "summary": .string(route.summary),
            "x-peernode-scope": .string(route.scope.name),
            "x-peernode-peers": .bool(route.isForPeers),
            "security": route.scope == .open ? [] : [["token": []]],
            "responses": .object(responses(route, hasBodies: true)),
        ]
        let parameters = parameters(route)
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let input = route.input { members["requestBody"] = body(input) }
        return .object(members)
    }

    private static func parameters(_ route: Route) -> [JSONValue] {
        var out: [JSONValue] = route.segments.filter { $0.hasPrefix("{") }.map { segment in
            [
                "name": .string(String(segment.dropFirst().dropLast())), "in": "path",
                "required": true,
                "schema": ["type": "string", "minLength": 1, "maxLength": 256],
            ]
        }
        for parameter in route.parameters {
            var schema: JSONValue
            switch parameter.form {
            case .text: schema = ["type": "string", "minLength": 1, "maxLength": 2_048]
            case .label: schema = ["type": "array", "items": ["type": "string"]]
            case .integer(let range):
                schema = [
                    "type": "integer", "minimum": .integer(range.lowerBound),
                    "maximum": .integer(range.upperBound),
                ]
            case .choice(let words):
                schema = ["type": "string", "enum": .array(words.map { .string($0) })]
            case .choices(let words):
                schema = [
                    "type": "array", "minItems": 1,
                    "items": ["type": "string", "enum": .array(words.map { .string($0) })],
                ]
            case .time: schema = ["type": "string", "format": "date-time"]
            case .duration: schema = ["type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"]
            case .flag: schema = ["type": "boolean"]
            }
            var entry: [String: JSONValue] = [
                "name": .string(parameter.name), "in": "query",
                "description": .string(parameter.help),
                "schema": schema,
            ]
            if case .choices = parameter.form { entry["explode"] = false }
            out.append(.object(entry))
        }
        if route.creates {
            out.append([
                "name": "Idempotency-Key", "in": "header",
                "description":
                    "Repeating a request with the same key and body gives the same answer for 24 h",
                "schema": ["type": "string", "pattern": "^[!-~]{1,128}$"],
            ])
        }
        return out
    }

    private static func body(_ input: Route.Input) -> JSONValue {
        var content: [String: JSONValue] = [:]
        var isRequired = true
        switch input {
        case .json(let shape): content[Media.json] = ["schema": shape.schema(isClosed: true)]
        case .optionalJSON(let shape):
            content[Media.json] = ["schema": shape.schema(isClosed: true)]
            isRequired = false
        case .manifest:
            content[Media.json] = ["schema": ["type": "object"]]
            content[Media.yaml] = ["schema": ["type": "string"]]
        case .entry, .receipt:
            for type in input.mediaTypes { content[type] = .object([:]) }
        case .blob: content["*/*"] = .object([:])
        }
        return ["required": .bool(isRequired), "content": .object(content)]
    }

    private static func responses(_ route: Route, hasBodies: Bool) -> [String: JSONValue] {
        var out: [String: JSONValue] = [:]
        for answer in route.answers {
            let key = String(answer.status)
            var entry = out[key]?.members ?? ["description": .string(route.summary)]
            if let type = answer.mediaType, hasBodies {
                var content = entry["content"]?.members ?? [:]
                content[type] = answer.shape.map { ["schema": $0.schema()] } ?? .object([:])
                entry["content"] = .object(content)
            }
            if route.isStated {
                entry["headers"] = ["Peernode-Height": ["schema": ["type": "integer"]]]
            }
            out[key] = .object(entry)
        }
        if route.isResource || route.isForeign {
            out["304"] = ["description": "The client has it already"]
        }
        let problem: JSONValue = [
            Media.problem: ["schema": ["$ref": "#/components/schemas/problem"]]
        ]
        for status in Set(Route.commonErrors + route.errors).sorted()
        where out[String(status)] == nil {
            var entry: [String: JSONValue] = ["description": "A problem"]
            if hasBodies { entry["content"] = problem }
            out[String(status)] = .object(entry)
        }
        return out
    }
}
