package console

import (
	"encoding/json"
	"net/http"
)

type schema struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

// about tells the page what it is the page of.
func (c *Console) about(w http.ResponseWriter, r *http.Request) {
	schemas := []schema{}
	if c.parts.Schemas != nil {
		for _, t := range c.parts.Schemas.Types() {
			schemas = append(schemas, schema{t, c.parts.Schemas.Source(t)})
		}
	}
	answer(w, map[string]any{
		"events": c.cfg.Events, "dead_letters": c.cfg.DeadLetters, "group": c.cfg.Group, "max_attempts": c.cfg.MaxAttempts,
		"version": c.cfg.Version, "api_url": c.cfg.APIURL, "notes": c.cfg.Notes, "schemas": schemas,
		"csrf":     c.sessions.csrfOf(r),
		"can_send": c.parts.Send != nil, "can_replay": c.parts.Letters != nil, "examples": c.cfg.Examples,
	})
}

// system describes topics, groups and settings.
func (c *Console) system(w http.ResponseWriter, r *http.Request) {
	var d Description
	if c.parts.Cluster != nil {
		var err error
		if d, err = c.parts.Cluster.Describe(r.Context()); err != nil {
			fail(w, http.StatusBadGateway, err.Error())
			return
		}
	}
	answer(w, map[string]any{"topics": d.Topics, "groups": d.Groups, "settings": c.cfg.Settings})
}
