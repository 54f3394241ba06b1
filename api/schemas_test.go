package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/api"
)

const placed = `{"specversion":"1.0","id":"o-1","source":"/orders","type":"order.placed","data":{"order_id":"1",` +
	`"amount":5,"currency":"EUR"}}`

func TestDataThatBreaksItsSchemaIsExplainedByPointersAndNotStored(t *testing.T) {
	s := start(t)
	broken := strings.NewReplacer(`"amount":5`, `"amount":"5"`, `"EUR"`, `"euro"`).Replace(placed)
	places := func(p problemDocument) map[string]bool {
		m := map[string]bool{}
		for _, e := range p.Errors {
			m[e.Pointer] = e.Detail != ""
		}
		return m
	}
	p := s.post("application/cloudevents+json", broken).problem(422)
	if diff := cmp.Diff(map[string]bool{"/data/amount": true, "/data/currency": true}, places(p)); diff != "" {
		t.Errorf("structured mode (-want +got):\n%s", diff)
	}
	p = s.post("application/json", `{"order_id":"1","amount":true,"currency":"EUR"}`, "ce-id", "1", "ce-source", "/s",
		"ce-type", "order.placed", "ce-specversion", "1.0").problem(422)
	if diff := cmp.Diff(map[string]bool{"/amount": true}, places(p)); diff != "" {
		t.Errorf("binary mode (-want +got):\n%s", diff)
	}
	var batch struct {
		Results []struct {
			Status  int
			Problem *problemDocument
		}
	}
	s.post("application/cloudevents-batch+json", "["+placed+","+broken+"]").want(207).json(&batch)
	if batch.Results[1].Status != 422 || !places(*batch.Results[1].Problem)["/1/data/amount"] {
		t.Errorf("in a batch: %+v", batch.Results)
	}
	s.post("application/json", `{"type":"order.placed"}`).problem(422)
	s.post("text/plain", "5", "ce-id", "1", "ce-source", "/s", "ce-type", "order.placed", "ce-specversion",
		"1.0").problem(422)
	if n := len(s.records(0)); n != 1 {
		t.Errorf("%d events are stored, want the one that is well", n)
	}
}

func TestTheSchemaOfAnEventIsNotedInItAndServed(t *testing.T) {
	s := start(t)
	s.post("application/cloudevents+json", placed).want(202)
	s.post("application/cloudevents+json",
		strings.Replace(placed, `"id":"o-1"`, `"id":"o-2","dataschema":"https://example.com/own"`, 1)).want(202)
	noted := map[string]string{}
	for _, r := range s.records(2) {
		noted[header(r, "ce_id")] = header(r, "ce_dataschema")
	}
	url := s.url + "/v1/schemas/order.placed"
	if diff := cmp.Diff(map[string]string{"o-1": url, "o-2": "https://example.com/own"}, noted); diff != "" {
		t.Errorf("dataschema (-want +got):\n%s", diff)
	}
	a := s.do(http.MethodGet, "/v1/schemas/order.placed", "", "").want(200)
	if a.header.Get("Content-Type") != "application/schema+json" || !strings.Contains(a.body, "2020-12/schema") {
		t.Errorf("the schema is %s: %s", a.header.Get("Content-Type"), a.body)
	}
	var list struct{ Schemas []struct{ Type, URL string } }
	s.do(http.MethodGet, "/v1/schemas", "", "").want(200).json(&list)
	if len(list.Schemas) != 2 || list.Schemas[1].Type != "order.placed" || list.Schemas[1].URL != url {
		t.Errorf("the list is %+v", list)
	}
	s.do(http.MethodGet, "/v1/schemas/unheard.of", "", "").problem(404)
}

func TestAStrictServiceTakesOnlyTypesThatHaveASchema(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.SchemaMode = api.SchemasStrict })
	s.post("application/cloudevents+json", placed).want(202)
	if p := s.post("application/cloudevents+json", structured).problem(422); !strings.HasSuffix(p.Type,
		"/schema-unknown") || p.Errors[0].Pointer != "/type" {
		t.Errorf("it is %+v", p)
	}
	if p := s.post("text/plain", "5", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-specversion",
		"1.0").problem(422); p.Errors[0].Header != "ce-type" {
		t.Errorf("in binary mode it is %+v", p)
	}
	if p := s.post("application/cloudevents-batch+json", "["+structured+"]").problem(400); p.Results[0].Status != 422 {
		t.Errorf("in a batch it is %+v", p)
	}
	s.do(http.MethodGet, "/current_time", "", "").want(200) // the service's own events pass
}

func TestWhatTheServicePublishesItselfFitsItsOwnSchema(t *testing.T) {
	s := start(t, func(c *api.Config) { c.Schemas = nil }) // those that are embedded
	s.do(http.MethodGet, "/current_time?name=Ada", "", "").want(200)
	data := string(s.records(1)[0].Value)
	s.post("application/json", `{"type":"current_time.requested","data":`+data+`}`).want(202)
}

func TestLinksMadeOfTheHostAreNotKept(t *testing.T) {
	s := serve(t, &broker{}, nil)
	if got := s.do("GET", "/v1/schemas", "", "").want(200).header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q where anybody's Host is in the links", got)
	}
	s = serve(t, &broker{}, nil, func(c *api.Config) { c.PublicURL = "https://api.example.com" })
	if got := s.do("GET", "/v1/schemas", "", "").want(200).header.Get("Cache-Control"); !strings.Contains(got, "max-age") {
		t.Errorf("Cache-Control is %q where the links are the service's own", got)
	}
}
