package api_test

import (
	"net/http"
	"strings"
	"testing"

	"event-processing-service/api"
)

// publicURL is where operators say that the service is, which is not where the test finds it.
const publicURL = "https://api.example.com/base"

func atPublicURL(t *testing.T) *service {
	return startWith(t, nil, func(c *api.Config) { c.PublicURL = publicURL })
}

func TestTheTypeOfAProblemIsWhereTheOperatorsSayThatTheServiceIs(t *testing.T) {
	s := atPublicURL(t)
	var p problemDocument
	s.do(http.MethodGet, "/nowhere", "", "").want(404).json(&p)
	if p.Type != publicURL+"/docs/problems/not-found" {
		t.Errorf("the type is %q", p.Type)
	}
}

func TestALocationKeepsThePathBehindWhichTheServiceIs(t *testing.T) {
	for public, want := range map[string]string{publicURL: "/base/v1/events/", "https://api.example.com": "/v1/events/",
		"": "/v1/events/"} {
		s := serve(t, &broker{}, nil, func(c *api.Config) { c.PublicURL = public })
		a := s.post("application/cloudevents+json", structured).want(202)
		if want += "e-1?source=%2Forders"; a.header.Get("Location") != want {
			t.Errorf("with PUBLIC_URL %q, Location is %q, want %q", public, a.header.Get("Location"), want)
		}
	}
}

func TestTheSchemaOfAnEventIsWhereTheOperatorsSayThatTheServiceIs(t *testing.T) {
	s := atPublicURL(t)
	s.post("application/json", placed).want(202)
	if want := publicURL + "/v1/schemas/order.placed"; header(s.records(1)[0], "ce_dataschema") != want {
		t.Errorf("dataschema is %q, want %q", header(s.records(1)[0], "ce_dataschema"), want)
	}
	if list := s.do(http.MethodGet, "/v1/schemas", "", "").want(200).body; !strings.Contains(list,
		`"`+publicURL+`/v1/schemas/order.placed"`) {
		t.Errorf("the list is %s", list)
	}
}

func TestTheDocumentNamesTheServerThatTheOperatorsName(t *testing.T) {
	for _, c := range []struct{ publicURL, want string }{{publicURL, publicURL}, {"", "/"}} {
		s := serve(t, &broker{}, nil, func(cfg *api.Config) { cfg.PublicURL = c.publicURL })
		var document struct{ Servers []struct{ URL string } }
		s.do(http.MethodGet, "/openapi.json", "", "").want(200).json(&document)
		if len(document.Servers) != 1 || document.Servers[0].URL != c.want {
			t.Errorf("with PUBLIC_URL %q the servers are %+v", c.publicURL, document.Servers)
		}
		if yaml := s.do(http.MethodGet, "/openapi.yaml", "", "").want(200).body; !strings.Contains(yaml,
			"url: "+c.want+"\n") {
			t.Errorf("with PUBLIC_URL %q the YAML names another server", c.publicURL)
		}
	}
}
