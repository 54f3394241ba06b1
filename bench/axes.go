package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// axes are one chart of a plot: the number of connections on the x axis, a figure on a logarithmic y axis.
type axes struct {
	left        int
	connections []int
	low, high   float64 // exponents of ten
	of          func(*row) float64
}

const (
	chartTop, chartBottom = 44, 290
	chartWidth            = 360
)

func newAxes(r *results, left int, of func(*row) float64) axes {
	a := axes{left: left, low: math.Inf(1), high: math.Inf(-1), of: of}
	for _, x := range r.Rows {
		if x.Connections == 0 || x.Rate != 0 || of(x) <= 0 {
			continue
		}
		if !slices.Contains(a.connections, x.Connections) {
			a.connections = append(a.connections, x.Connections)
		}
		a.low, a.high = min(a.low, math.Floor(math.Log10(of(x)))), max(a.high, math.Ceil(math.Log10(of(x))))
	}
	slices.Sort(a.connections)
	return a
}

func (a axes) x(connections int) float64 {
	steps := max(len(a.connections)-1, 1)
	return float64(a.left) + 10 + float64(slices.Index(a.connections, connections)*(chartWidth-20))/float64(steps)
}

func (a axes) y(v float64) float64 {
	return chartBottom - (math.Log10(v)-a.low)/max(a.high-a.low, 1)*(chartBottom-chartTop)
}

func (a axes) draw(b *strings.Builder) {
	for p := a.low; p <= a.high; p++ {
		v := math.Pow(10, p)
		fmt.Fprintf(b,
			`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e2e8f0"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			a.left, a.left+chartWidth, a.y(v), a.y(v), a.left-6, a.y(v)+4, strconv.FormatFloat(v, 'f', -1, 64))
	}
	for _, c := range a.connections {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", a.x(c), chartBottom+18, c)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">connections</text>`+"\n", a.left+chartWidth/2, chartBottom+34)
}

func (a axes) line(b *strings.Builder, r *results, name, color string) {
	var points []string
	for _, c := range a.connections {
		if x := r.find(name, c, 0); x != nil && a.of(x) > 0 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", a.x(c), a.y(a.of(x))))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", a.x(c), a.y(a.of(x)), color)
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n",
		strings.Join(points, " "), color)
}
