package main

import (
	"fmt"
	"html"
	"strings"
)

// plot draws events/s and CPU per event by the number of connections, as an SVG without dependencies.
func (r *results) plot() string {
	shown := []struct{ name, color string }{
		{limit, "#64748b"}, {"API, structured", "#2563eb"}, {"API, binary", "#059669"}, {"API, batch of 100", "#d97706"},
		{"API, batch of 1000", "#dc2626"},
	}
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 360" font-family="sans-serif" ` +
		`font-size="12">` + "\n")
	b.WriteString(`<rect width="900" height="360" fill="#fff"/>` + "\n")
	charts := []struct {
		title string
		of    func(*row) float64
	}{
		{"acknowledged events/s (logarithmic)", func(x *row) float64 { return x.EventsPerSecond }},
		{"server's CPU, µs per event (logarithmic)", func(x *row) float64 { return x.CPU }},
	}
	for i, c := range charts {
		left := 60 + i*440
		fmt.Fprintf(&b, `<text x="%d" y="24" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(c.title))
		axes := newAxes(r, left, c.of)
		axes.draw(&b)
		for _, s := range shown {
			axes.line(&b, r, s.name, s.color)
		}
	}
	for i, s := range shown {
		x := 60 + i*165
		fmt.Fprintf(&b, `<rect x="%d" y="338" width="12" height="4" fill="%s"/><text x="%d" y="344">%s</text>`+"\n", x,
			s.color, x+18, html.EscapeString(s.name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
