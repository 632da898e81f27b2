"""One row of each official file, in the dialects before and since 2019, for tests that change a field."""

import pandas as pd

from road_assets.core.dialect import DialectError, scan_table
from road_assets.core.vocabulary import Table

MODERN: dict[Table, tuple[str, str]] = {
    "caracteristiques": (
        "Num_Acc;jour;mois;an;hrmn;lum;dep;com;agg;int;atm;col;adr;lat;long",
        "202400000001;25;03;2024;07:40;2;70;70285;1;1;5;1;D438;47,56277000;6,75832000",
    ),
    "lieux": (
        "Num_Acc;catr;voie;v1;v2;circ;nbv;vosp;prof;pr;pr1;plan;lartpc;larrout;surf;infra;situ;vma",
        "202400000001;3;D438;0;N/A;2;2;0;1;1;260;2;;7;1;0;1;90",
    ),
    "vehicules": (
        "Num_Acc;id_vehicule;num_veh;senc;catv;obs;obsm;choc;manv;motor;occutc",
        "202400000001;155\u00a0781\u00a0758;A01;1;7;0;2;1;13;1;",
    ),
    "usagers": (
        "Num_Acc;id_usager;id_vehicule;num_veh;place;catu;grav;sexe;an_nais;trajet;secu1;secu2;secu3;locp;actp;etatp",
        "202400000001;203\u00a0988\u00a0581;155\u00a0781\u00a0758;A01;1;1;3;1;2003;2;1; -1; -1; -1; -1; -1",
    ),
}
LEGACY: dict[Table, tuple[str, str]] = {
    "caracteristiques": (
        "Num_Acc,an,mois,jour,hrmn,lum,agg,int,atm,col,com,adr,gps,lat,long,dep",
        "201300000001,13,2,19,1715,1,2,1,1,3,052,50 Rue de la Gare,M,5051199,0290046,590",
    ),
    "lieux": (
        "Num_Acc,catr,voie,v1,v2,circ,nbv,pr,pr1,vosp,prof,plan,lartpc,larrout,surf,infra,situ,env1",
        "201300000001,3,39,,,2,02,10,910,0,1,1,000,061,1,0,1,99",
    ),
    "vehicules": (
        "Num_Acc,senc,catv,occutc,obs,obsm,choc,manv,num_veh",
        "201300000001,0,07,000,00,0,6,10,A01",
    ),
    "usagers": (
        "Num_Acc,place,catu,grav,sexe,trajet,secu,locp,actp,etatp,an_nais,num_veh",
        "201300000001,1,1,4,2,5,11,0,0,0,1975,A01",
    ),
}


def modern(table: Table, **changes: str) -> bytes:
    """One row in the dialect since 2019, every field quoted."""
    header, row = (line.split(";") for line in MODERN[table])
    values = {name.lower(): value for name, value in zip(header, row, strict=True)} | changes
    return "".join('"' + '";"'.join(line) + '"\n' for line in (header, values.values())).encode()


def legacy(table: Table, **changes: str) -> bytes:
    """One row in the dialect before 2019."""
    header, row = (line.split(",") for line in LEGACY[table])
    values = {name.lower(): value for name, value in zip(header, row, strict=True)} | changes
    return "".join(",".join(line) + "\n" for line in (header, values.values())).encode("cp1252")


def read_table(table: Table, content: bytes, *, name: str) -> pd.DataFrame:
    """The rows of a file in which nothing is unreadable; else all problems in one error."""
    reading = scan_table(table, content, name=name)
    if reading.problems:
        raise DialectError(name, f"{len(reading.problems)} places cannot be read:", reading.problems)
    return reading.frame


def cell(table: Table, column: str, content: bytes) -> object:
    """The value of a column in the only row."""
    frame = read_table(table, content, name="file.csv")
    assert len(frame) == 1
    value = frame[column].iloc[0]
    return None if pd.isna(value) else value
