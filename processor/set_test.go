package processor

import (
	"context"
	"strings"
	"testing"
)

func nothing(context.Context, *Mux, *Deps) (func(), error) { return func() {}, nil }

func TestASetIsFoundByItsName(t *testing.T) {
	sets := Sets{{"", nothing}, {"audit", nothing}, {"search-index-2", nothing}}
	for _, name := range []string{"", "audit", "search-index-2"} {
		if set, err := sets.Find(name); err != nil || set.Name != name || set.Register == nil {
			t.Errorf("%q is found as %q: %v", name, set.Name, err)
		}
	}
}

func TestAListOfSetsThatCannotRunIsOneClearError(t *testing.T) {
	for want, c := range map[string]struct {
		sets Sets
		name string
	}{
		`no processor "adit", but the first, without a name, and audit`: {Sets{{"", nothing}, {"audit", nothing}}, "adit"},
		`no processor "audit", but the first, without a name`:           {Sets{{"", nothing}}, "audit"},
		"two sets of handlers are named audit, and would share a consumer group": {
			Sets{{"", nothing}, {"audit", nothing}, {"audit", nothing}}, ""},
		"two sets of handlers have no name":            {Sets{{"", nothing}, {"", nothing}}, ""},
		"the first set of handlers has no name":        {Sets{{"audit", nothing}}, "audit"},
		`"Audit", must be`:                             {Sets{{"", nothing}, {"Audit", nothing}}, ""},
		`"a.b", must be`:                               {Sets{{"", nothing}, {"a.b", nothing}}, ""},
		`"audit-", must be`:                            {Sets{{"", nothing}, {"audit-", nothing}}, ""},
		`"a23456789012345678901", must be`:             {Sets{{"", nothing}, {"a23456789012345678901", nothing}}, ""},
		`set 1 of the handlers, "audit", registers no`: {Sets{{"", nothing}, {"audit", nil}}, ""},
	} {
		_, err := c.sets.Find(c.name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %v; want %s", err, want)
		}
	}
}
