// Command poisonprocessor will fail on purpose.
package main

func main() {}
