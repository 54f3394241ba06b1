package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestABatchHasAnOutcomeForEachEventAndStoresTheGoodOnes(t *testing.T) {
	s := start(t)
	big := `{"specversion":"1.0","id":"big","source":"/s","type":"t","data":"` + strings.Repeat("x", 1<<20) + `"}`
	batch := "[" + strings.Join([]string{
		`{"specversion":"1.0","id":"good-0","source":"/s","type":"t","data":0}`,
		`{"specversion":"1.0","id":"bad-1","source":"/s","data":1}`,
		big,
		`7`,
		`{"specversion":"1.0","id":"good-4","source":"/s","type":"t","data":4}`,
	}, ",") + "]"
	var got struct {
		Accepted, Rejected int
		Results            []struct {
			Index   int
			ID      string
			Status  int
			Problem *problemDocument
		}
	}
	s.post("application/cloudevents-batch+json", batch).want(207).json(&got)
	if got.Accepted != 2 || got.Rejected != 3 || len(got.Results) != 5 {
		t.Fatalf("got %+v", got)
	}
	for i, want := range []struct {
		status int
		id     string
	}{{202, "good-0"}, {400, "bad-1"}, {413, "big"}, {400, ""}, {202, "good-4"}} {
		r := got.Results[i]
		if r.Index != i || r.Status != want.status || r.ID != want.id || (r.Problem != nil) != (want.status != 202) {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if p := got.Results[1].Problem; len(p.Errors) != 1 || p.Errors[0].Pointer != "/1/type" {
		t.Errorf("the fault of event 1 is placed at %+v", p.Errors)
	}
	ids := map[string]bool{}
	for _, r := range s.records(0) {
		ids[header(r, "ce_id")] = true
	}
	if len(ids) != 2 || !ids["good-0"] || !ids["good-4"] {
		t.Errorf("stored are %v", ids)
	}
}

func TestACutCharacterIsTheFaultOfItsEventAlone(t *testing.T) {
	s := start(t)
	cut := strings.Replace(structured, `"as is"`, `"cut \ud83d"`, 1)
	var got struct {
		Accepted int
		Results  []struct {
			Index, Status int
			ID            string
			Problem       *problemDocument
		}
	}
	s.post("application/cloudevents-batch+json", "["+structured+","+cut+","+structured+"]").want(207).json(&got)
	if r := got.Results[1]; got.Accepted != 2 || r.Index != 1 || r.Status != 400 || r.ID != "e-1" ||
		len(r.Problem.Errors) != 1 || r.Problem.Errors[0].Pointer != "/1/data/kept" {
		t.Errorf("got %+v", got)
	}
	s.records(2)
	if p := s.post("application/cloudevents+json", cut).problem(400); len(p.Errors) != 1 ||
		p.Errors[0].Pointer != "/data/kept" {
		t.Errorf("alone it is %+v", p)
	}
}

func TestAnEmptyBatchIsAccepted(t *testing.T) {
	if a := start(t).post("application/cloudevents-batch+json", `[]`).want(202); a.body !=
		`{"accepted":0,"rejected":0,"results":[]}` {
		t.Errorf("answered %s", a.body)
	}
}

func TestABatchOfWhichNothingIsStoredIsNo2xx(t *testing.T) {
	p := start(t).post("application/cloudevents-batch+json", `[{"id":"a"},{"id":"b"}]`).problem(400)
	if len(p.Results) != 2 || p.Results[0].Status != 400 {
		t.Errorf("results are %+v", p.Results)
	}
}

func TestAThousandEventsAreABatchAndOneMoreIsTooMany(t *testing.T) {
	s := start(t)
	events := make([]string, 1001)
	for i := range events {
		events[i] = fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/s","type":"t"}`, i)
	}
	s.post("application/cloudevents-batch+json", "["+strings.Join(events, ",")+"]").problem(413)
	if n := len(s.records(0)); n != 0 {
		t.Errorf("%d events of a refused batch were stored", n)
	}
	s.post("application/cloudevents-batch+json", "["+strings.Join(events[:1000], ",")+"]").want(202)
	s.records(1000)
}
