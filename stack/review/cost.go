package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Load is the use of a stack that a bill is for. Zero is a stack that nobody uses.
type Load struct {
	Events float64 // a second, each posted by itself
}

// Line is one item of a bill.
type Line struct {
	What       string  // the part of the service, as in docs/deploying.md
	Arithmetic string  // what is multiplied, with the prices
	Monthly    float64 // US dollars
	ByEvents   bool    // it depends on the number of events
}

// Bill is what a stack costs a month, computed from the resources that its program registers.
type Bill struct {
	Stack     string
	Region    string
	Load      Load
	Lines     []Line
	ByUse     []string // charged by what is stored or sent, and in no sum
	NotPriced []string // resources whose type this package does not know, and properties whose price it doesn't
}

// Idle is the monthly sum without any event.
func (b Bill) Idle() float64 { return b.sum(func(l Line) bool { return !l.ByEvents }) }

// Total is the monthly sum under the bill's load.
func (b Bill) Total() float64 { return b.sum(func(Line) bool { return true }) }

// Part is the sum of the lines of a part without any event.
func (b Bill) Part(what string) float64 {
	return b.sum(func(l Line) bool { return l.What == what && !l.ByEvents })
}

func (b Bill) sum(of func(Line) bool) (dollars float64) {
	for _, l := range b.Lines {
		if of(l) {
			dollars += l.Monthly
		}
	}
	return dollars
}

// Bill computes what the stack costs under a load.
func (g Graph) Bill(load Load) Bill {
	b := Bill{Stack: g.Stack, Load: load}
	for _, n := range g.Nodes {
		if n.Type == "pulumi:providers:aws" {
			b.Region = n.Text("region")
		}
		if !n.Custom || strings.HasPrefix(n.Type, "pulumi:providers:") {
			continue
		}
		short := Short(n.Type)
		if line, priced := hourly[short]; priced {
			b.Lines = append(b.Lines, line(g, n)...)
			continue
		}
		if note, by := paidByUse[short]; by {
			b.ByUse = append(b.ByUse, short+": "+note)
			continue
		}
		if !slices.Contains(free, short) {
			b.NotPriced = append(b.NotPriced, n.String())
		}
	}
	for _, l := range b.Lines {
		if l.Monthly < 0 { // the price is not known
			b.NotPriced = append(b.NotPriced, l.Arithmetic)
		}
	}
	b.Lines = slices.DeleteFunc(b.Lines, func(l Line) bool { return l.Monthly < 0 })
	if declared, _ := g.declarations(); len(declared) > 0 {
		made := 0
		for _, d := range declared {
			n, _ := d.metrics() // metrics without a bound are a finding of their own
			made += n
		}
		b.Lines = append(b.Lines, Line{What: partAPI, Monthly: float64(made) * metricMonth,
			Arithmetic: fmt.Sprintf("%d metrics × %.2f", made, metricMonth)})
	}
	if load.Events > 0 {
		b.Lines = append(b.Lines, g.byEvents(load.Events)...)
	}
	b.ByUse = append(b.ByUse, g.privacyByUse()...)
	slices.Sort(b.ByUse)
	b.ByUse = slices.Compact(b.ByUse)
	b.Lines = together(b.Lines)
	return b
}

// together joins equal lines, and sorts lines by part, the most expensive part first.
func together(lines []Line) (joined []Line) {
	count := map[Line]int{}
	parts := map[string]float64{}
	for _, l := range lines {
		parts[l.What] += l.Monthly
		if count[l]++; count[l] == 1 {
			joined = append(joined, l)
		}
	}
	for i, l := range joined {
		if n := count[l]; n > 1 {
			joined[i].Monthly *= float64(n)
			joined[i].Arithmetic = fmt.Sprintf("%d × %s", n, l.Arithmetic)
		}
	}
	slices.SortStableFunc(joined, func(a, b Line) int {
		if a.ByEvents != b.ByEvents {
			return map[bool]int{false: -1, true: 1}[a.ByEvents]
		}
		return cmp.Or(cmp.Compare(parts[b.What], parts[a.What]), strings.Compare(a.What, b.What),
			cmp.Compare(b.Monthly, a.Monthly))
	})
	return joined
}

// overBudget finds a bill above what the stack's file allows.
func overBudget(g Graph) (broken []string) {
	if g.Budget.USDPerMonth == 0 {
		return nil
	}
	b := g.Bill(Load{Events: g.Budget.EventsPerSecond})
	if total := b.Total(); total > g.Budget.USDPerMonth {
		broken = append(broken, fmt.Sprintf("at %g events a second it costs %.0f USD a month, more than the %g of its "+
			"budget (go run ./stack plan %s --cost)", g.Budget.EventsPerSecond, total, g.Budget.USDPerMonth, g.Stack))
	}
	return broken
}
