package api

// SpareConnections are for health alone.
const SpareConnections = spareConnections

// OpenAPI is the document as JSON, for tests.
func OpenAPI() []byte {
	asJSON, _ := openAPIDocuments("")
	return asJSON.body
}

// DescribedRoutes are "METHOD path" of each route that the document must have.
func DescribedRoutes() (described []string) {
	s := New(Config{}, nil, nil, nil)
	for _, r := range s.routes {
		switch r.open {
		case "":
			described = append(described, r.method+" "+r.path)
		case "-":
		default:
			described = append(described, r.method+" "+r.open)
		}
	}
	return described
}

// Problem is a line of the catalogue.
type Problem struct {
	Name   string
	Status int
}

// Problems is the catalogue.
func Problems() (all []Problem) {
	for _, k := range catalogue {
		all = append(all, Problem{k.Name, k.Status})
	}
	return all
}
