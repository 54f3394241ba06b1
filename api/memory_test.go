package api_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"event-processing-service/api"
	"event-processing-service/schemas"
)

// hoarding has a schema that looks at every element, which is where validation takes most.
func hoarding(t *testing.T) *schemas.Set {
	t.Helper()
	set, err := schemas.Load(fstest.MapFS{"hoard.json": {Data: []byte(
		`{"type":"object","properties":{"x":{"items":{"type":"object"}},"y":{"items":{"type":"string"}}}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestValidationTakesNoMoreThanItIsCountedFor(t *testing.T) {
	set := hoarding(t)
	const size = 1 << 20
	for name, unit := range map[string]string{
		`"x" of empty objects`: "{}", `"x" of small objects`: `{"":0}`, `"x" of deep lists`: "[[[[[[]]]]]]",
		`"x" of wrong lists`:   "[0]",
		`"x" of wrong numbers`: "0", `"y" of wrong numbers`: "0", `"y" of wrong objects`: "{}", `"x" of wrong texts`: `""`,
		`"y" of good texts`: `""`, `"y" of one long text`: `"` + strings.Repeat("x", size) + `"`,
		`"z" of objects`: `{"a":{"b":{}}}`,
	} {
		data := []byte(`{` + name[:3] + `:[` + strings.Repeat(unit+",", size/(len(unit)+1)) + unit + `]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		set.Validate("hoard", data)
		runtime.ReadMemStats(&after)
		took, counted := int64(after.TotalAlloc-before.TotalAlloc), api.ValidationMemory(data)
		t.Logf("%s: %d KiB, counted for %d KiB", name, took>>10, counted>>10)
		if took > counted {
			t.Errorf("%s takes %d bytes, and is counted for %d", name, took, counted)
		}
	}
}

func TestDataThatNoEventCouldHaveIsRefusedBeforeItIsValidated(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Schemas = hoarding(t) })
	body := `{"type":"hoard","data":{"x":[` + strings.Repeat("{},", 4<<20/3-100) + `{}]}}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.post("application/json", body).problem(413)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 60<<20 { // the body several times, here and there
		t.Errorf("to refuse it took %d MiB", took>>20)
	}
}

func TestNoAnswerGrowsWithTheRequestThatItRefuses(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.Schemas = hoarding(t) })
	const most = 256 << 10
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf(`"%d%s":1`, i, strings.Repeat("<", 250)))
	}
	head := `{"specversion":"1.0","id":"1","source":"/s","type":"hoard",`
	for name, request := range map[string][2]string{
		"a name of what HTML would escape": {"application/cloudevents+json",
			head + `"` + strings.Repeat("<", 4<<20-200) + `":1}`},
		"names that are not of extensions": {"application/cloudevents+json",
			head + strings.Repeat(`"A":1,`, 500_000) + `"B":1}`},
		"members that break the schema": {"application/json",
			`{"type":"hoard","data":{"y":[` + strings.Repeat("0,", 400_000) + `0]}}`},
		"a batch of nothing": {"application/cloudevents-batch+json", "[" + strings.Repeat("{},", 999) + "{}]"},
		"a type that is long": {"application/json",
			`{"type":"` + strings.Repeat("<", 1<<20) + `","data":1,"id":""}`},
		"a media type that is long": {strings.Repeat("<", 20<<10), "x"},
		"an id that is long and not UTF-8": {"application/json",
			`{"type":"x","id":"` + strings.Repeat("\xff", 1<<20) + `"}`},
		"a batch of names that are escaped": {"application/cloudevents-batch+json",
			"[" + strings.Repeat(`{"`+strings.Repeat("<", 4000)+`":1},`, 999) + "{}]"},
		"a batch of ten names an event": {"application/cloudevents-batch+json",
			"[" + strings.Repeat(`{`+strings.Join(names, ",")+`},`, 999) + "{}]"},
	} {
		t.Run(name, func(t *testing.T) {
			one := *s
			one.t = t
			a := one.post(request[0], request[1])
			if limit := most * (1 + strings.Count(name, "batch")*3); len(a.body) > limit || a.status < 400 {
				t.Errorf("%d with an answer of %d KiB to a request of %d KiB", a.status, len(a.body)>>10, len(request[1])>>10)
			}
			if strings.Contains(a.body, "\\u003c") {
				t.Error("it is escaped for HTML")
			}
		})
	}
	path := "/nowhere/" + strings.Repeat("%3C", 8<<10)
	if a := s.do("GET", path, "", ""); len(a.body) > 8<<10 {
		t.Errorf("a path of %d bytes is answered with %d", len(path), len(a.body))
	}
}
