package processor

import (
	"context"
	"errors"
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

func TestSeveralFunctionsRegisterAsOneAndAreClosedBackwards(t *testing.T) {
	var did []string
	register := func(name string, err error) Register {
		return func(context.Context, *Mux, *Deps) (func(), error) {
			did = append(did, "open "+name)
			return func() { did = append(did, "close "+name) }, err
		}
	}
	closeAll, err := All(register("a", nil), register("b", nil))(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	closeAll()
	if got := strings.Join(did, ", "); got != "open a, open b, close b, close a" {
		t.Errorf("it did: %s", got)
	}
	did = nil
	no := errors.New("no")
	_, err = All(register("a", nil), register("b", no), register("c", nil))(t.Context(), nil, nil)
	if got := strings.Join(did, ", "); !errors.Is(err, no) || got != "open a, open b, close a" {
		t.Errorf("where the second fails it ends with %v, and did: %s", err, got)
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
