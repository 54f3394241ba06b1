package review

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Registration is one resource as the program asked the engine for it.
type Registration struct {
	Type, Name, URN, Parent string
	Inputs                  resource.PropertyMap // with unknown values and secrets
	Custom                  bool                 // false: a component
	Protect                 bool
	RetainOnDelete          bool
	DeleteBeforeReplace     bool
	ReplaceOnChanges        []string
	IgnoreChanges           []string
	DeleteTimeout           string   // "" is the provider's own
	DependsOn               []string // URNs of resources that it names, and of those from which its inputs come
	Provider                string   // urn::id
}

// Graph is everything that one run registered, in an order that does not depend on the run.
type Graph struct {
	Stack   string
	Protect bool     // the stack's own setting
	Open    bool     // its file opens the API to everybody
	Assumed []string // configuration that only the owner of the stack knows, filled in with made-up values
	Uses    map[string]uses
	// CustomerKeys is the stack's setting encryption.customerKeys.
	CustomerKeys bool
	Budget       Budget
	Nodes        []Registration
}

// Budget is what the stack may cost, by its file; zero is no budget.
type Budget struct {
	USDPerMonth     float64
	EventsPerSecond float64 // for which the budget is
}

// Short is msk.Cluster for aws:msk/cluster:Cluster.
func Short(token string) string {
	parts := strings.Split(token, ":")
	module := strings.Split(parts[1], "/")[0]
	if parts[0] == "docker" {
		module = "docker"
	}
	return module + "." + parts[len(parts)-1]
}

func (n Registration) String() string { return Short(n.Type) + " " + n.Name }

// At is the input at a path; null if it is missing.
func (n Registration) At(path ...string) resource.PropertyValue {
	value := resource.NewProperty(n.Inputs)
	for _, key := range path {
		for value.IsSecret() {
			value = value.SecretValue().Element
		}
		if value.IsArray() && len(value.ArrayValue()) > 0 {
			value = value.ArrayValue()[0]
		}
		if !value.IsObject() {
			return resource.NewNullProperty()
		}
		value = value.ObjectValue()[resource.PropertyKey(key)]
	}
	return value
}

// Text is the string at a path, "" where there is none.
func (n Registration) Text(path ...string) string {
	if v := n.At(path...); v.IsString() {
		return v.StringValue()
	}
	return ""
}

// Number is the number at a path, 0 where there is none.
func (n Registration) Number(path ...string) float64 {
	if v := n.At(path...); v.IsNumber() {
		return v.NumberValue()
	}
	return 0
}

// Is reports whether the value at a path is true.
func (n Registration) Is(path ...string) bool {
	v := n.At(path...)
	return v.IsBool() && v.BoolValue()
}

// Of returns the registrations of a type, given in short.
func (g Graph) Of(short string) []Registration {
	var found []Registration
	for _, n := range g.Nodes {
		if n.Custom && Short(n.Type) == short {
			found = append(found, n)
		}
	}
	return found
}

// Has reports whether there is a resource of this name and type, given in short.
func (g Graph) Has(short, name string) bool {
	return slices.ContainsFunc(g.Of(short), func(n Registration) bool { return n.Name == name })
}

// Plain are the inputs as JSON has them. A secret is "(secret)", an archive "(archive)".
func (n Registration) Plain() map[string]any {
	return n.Inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsSecret() || v.IsArchive() || v.IsComputed() || v.IsOutput() {
			return leaf(v), true
		}
		return nil, false
	})
}
