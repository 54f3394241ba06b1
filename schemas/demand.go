package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// demand is a violation whose words have no value of the data in them.
func demand(pointer, text string) Violation { return Violation{brief(pointer), text, text} }

// demandOf says what a keyword asks for. The library's own words repeat the value that was found, which is fit for its
// sender alone. A kind that is not known here is told by its name.
func demandOf(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "want " + strings.Join(k.Want, " or ") + ", not " + k.Got
	case *kind.Required, *kind.Dependency, *kind.DependentRequired, *kind.AdditionalProperties, // names of members
		*kind.MinLength, *kind.MaxLength, *kind.MinItems, *kind.MaxItems, *kind.MinProperties, *kind.MaxProperties,
		*kind.Contains, *kind.MinContains, *kind.MaxContains, *kind.UniqueItems, *kind.FalseSchema, *kind.Not: // counts
		return k.LocalizedString(english)
	case *kind.Enum:
		return "want one of " + text(k.Want)
	case *kind.Const:
		return "want " + text(k.Want)
	case *kind.Format:
		return "want format " + k.Want
	case *kind.Pattern:
		return "want text that matches " + k.Want
	case *kind.Minimum:
		return "want at least " + digits(k.Want)
	case *kind.Maximum:
		return "want at most " + digits(k.Want)
	case *kind.ExclusiveMinimum:
		return "want more than " + digits(k.Want)
	case *kind.ExclusiveMaximum:
		return "want less than " + digits(k.Want)
	case *kind.MultipleOf:
		return "want a multiple of " + digits(k.Want)
	}
	return "breaks " + cmp.Or(strings.Join(k.KeywordPath(), "/"), "it")
}

func text(v any) string {
	s, err := json.Marshal(v)
	if err != nil {
		return "the schema's value"
	}
	return string(s)
}

// digits is the number as people write it.
func digits(r *big.Rat) string {
	f, _ := r.Float64()
	return fmt.Sprint(f)
}
