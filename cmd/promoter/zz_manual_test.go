package main
import ("testing";"os";"strings";"fmt")
func TestManual(t *testing.T){
 a:=os.Getenv("MANUAL"); if a=="" {t.Skip()}
 w:=strings.Fields(a)
 c:=checkCommand(); if w[0]=="init" {c=initCommand()}
 c.SetArgs(w[1:]); c.SetOut(os.Stdout); c.SetErr(os.Stderr); c.SilenceErrors=true; c.SilenceUsage=true
 err:=c.Execute(); fmt.Fprintln(os.Stderr,"=> ",err)
}
